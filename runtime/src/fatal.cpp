#include "runtime/src/fatal.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace vigil::detail {

Line& Line::text(std::string_view part) noexcept {
  const std::size_t room = sizeof buffer_ - 1 - used_;  // the newline's place is kept
  const std::size_t take = std::min(room, part.size());
  std::memcpy(buffer_ + used_, part.data(), take);
  used_ += take;
  return *this;
}

Line& Line::number(std::uint64_t value) noexcept {
  char digits[20];
  std::size_t first = sizeof digits;
  do {
    digits[--first] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return text({digits + first, sizeof digits - first});
}

void Line::write_to_stderr() noexcept {
  buffer_[used_++] = '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, buffer_, used_);  // nobody left to tell of a failure
  used_ = 0;
}

void fatal(std::string_view what) noexcept {
  Line().text("vigil: ").text(what).write_to_stderr();
  std::abort();
}

}  // namespace vigil::detail
