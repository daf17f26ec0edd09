// Open file: a file that is open for reading for as long as this lives, without libc.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {

class OpenFile {
 public:
  explicit OpenFile(const char* path) noexcept
      : fd_(raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) raw_syscall(SYS_close, fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] long fd() const noexcept { return fd_; }  // negative: it could not be opened

 private:
  const long fd_;
};

}  // namespace vigil::shim::leaks
