#include "reports/cli/captured_output.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace vigil::reports {

CapturedOutput::CapturedOutput() : file_(::memfd_create("output", MFD_CLOEXEC)) {}

CapturedOutput::~CapturedOutput() {
  if (file_ >= 0) ::close(file_);
}

int CapturedOutput::fresh() const {
  if (file_ >= 0 && (::ftruncate(file_, 0) != 0 || ::lseek(file_, 0, SEEK_SET) != 0)) return -1;
  return file_;
}

void CapturedOutput::show() const {
  if (file_ < 0 || ::lseek(file_, 0, SEEK_SET) != 0) return;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(file_, bytes.data(), bytes.size())) > 0;)
    std::fwrite(bytes.data(), 1, static_cast<std::size_t>(got), stdout);
}

std::string CapturedOutput::first_line() const {
  std::array<char, 256> bytes{};
  const ssize_t got = file_ < 0 ? 0 : ::pread(file_, bytes.data(), bytes.size(), 0);
  const std::string text(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return text.substr(0, text.find('\n'));
}

}  // namespace vigil::reports
