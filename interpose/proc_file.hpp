// Files of /proc, read with raw system calls.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "interpose/own_memory.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim {

class ProcFile {
 public:
  explicit ProcFile(const char* path, int flags = 0) noexcept
      : fd_(raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path), flags | O_RDONLY | O_CLOEXEC)) {}
  ~ProcFile() {
    if (is_open()) raw_syscall(SYS_close, fd_);
  }
  ProcFile(const ProcFile&) = delete;
  ProcFile& operator=(const ProcFile&) = delete;
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] long fd() const noexcept { return fd_; }
  // What comes next, into [to, to + most); its length, 0 at the end or when it cannot be read.
  [[nodiscard]] std::size_t read(char* to, std::size_t most) const noexcept {
    const long n = is_open() ? raw_syscall(SYS_read, fd_, reinterpret_cast<long>(to), static_cast<long>(most)) : 0;
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

 private:
  long fd_;
};

// The entries of a folder that are numbers: threads, processes.
OwnVector<int> numbers_in(const char* folder) noexcept;

// Whether a line of the file is what `is_wanted` looks for. It sees the first 4 KiB of a longer one.
template <class IsWanted>
bool any_line(const char* path, IsWanted is_wanted) noexcept {
  const ProcFile file(path);
  std::array<char, 4096> text;
  std::size_t kept = 0;
  bool is_rest = false;  // of a line whose beginning was seen
  while (true) {
    const std::size_t n = file.read(text.data() + kept, text.size() - kept);
    const std::string_view all(text.data(), kept + n);
    std::size_t at = 0;
    for (std::size_t end = 0; (end = all.find('\n', at)) != std::string_view::npos; at = end + 1) {
      if (!std::exchange(is_rest, false) && is_wanted(all.substr(at, end - at))) return true;
    }
    if (n == 0) return at < all.size() && !is_rest && is_wanted(all.substr(at));
    if (at == 0 && all.size() == text.size()) {
      if (!std::exchange(is_rest, true) && is_wanted(all)) return true;
      at = all.size();
    }
    kept = all.size() - at;
    std::copy(all.begin() + static_cast<std::ptrdiff_t>(at), all.end(), text.begin());
  }
}

}  // namespace vigil::shim
