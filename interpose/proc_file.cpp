#include "interpose/proc_file.hpp"

#include <dirent.h>

#include <charconv>
#include <cstring>

namespace vigil::shim {

OwnVector<int> numbers_in(const char* folder) noexcept {
  OwnVector<int> found;
  const ProcFile opened(folder, O_DIRECTORY);
  if (!opened.is_open()) return found;
  alignas(dirent64) std::array<char, 4096> buffer;
  while (true) {
    const long n = raw_syscall(SYS_getdents64, opened.fd(), reinterpret_cast<long>(buffer.data()), buffer.size());
    if (n <= 0) break;
    for (long at = 0; at < n;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      int number = 0;
      const char* const name = entry->d_name;
      if (std::from_chars(name, name + std::strlen(name), number).ec == std::errc()) found.push_back(number);
    }
  }
  return found;
}

}  // namespace vigil::shim
