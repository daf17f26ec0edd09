// The end of the program when an invariant of our own is broken, or when nothing else can be done.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::detail {

// Writes "vigil: <what>" to stderr with one write(), allocating nothing, and aborts.
[[noreturn]] void fatal(std::string_view what) noexcept;

// One line for stderr, built without allocation, usable in a signal handler. What does not fit is cut.
class Line {
 public:
  Line& text(std::string_view part) noexcept;
  Line& number(std::uint64_t value) noexcept;
  void write_to_stderr() noexcept;  // adds the newline

 private:
  char buffer_[512] = {};
  std::size_t used_ = 0;
};

}  // namespace vigil::detail
