// What every fuzzing target needs: bytes as text and as a file, and a check that holds in every build.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace vigil::fuzz {

// A property that failed is a crash: the fuzzer keeps the input that did it.
inline void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "this does not hold: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Cuts what stands before the next zero byte off the front of rest: all of it when there is none.
inline std::string_view cut(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

// A file in memory, gone with the object.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : fd_(::memfd_create("vigil-fuzz", MFD_CLOEXEC)) {
    demand(fd_ >= 0, "a file in memory can be made");
    demand(::write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "it can be written");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace vigil::fuzz
