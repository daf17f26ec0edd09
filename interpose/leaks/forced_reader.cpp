#include "interpose/leaks/forced_reader.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {

std::size_t ForcedReader::read(std::uintptr_t from, void* to, std::size_t bytes) const noexcept {
  if (memory_.fd() < 0) return 0;
  const long got = raw_syscall(SYS_pread64, memory_.fd(), reinterpret_cast<long>(to), static_cast<long>(bytes),
                               static_cast<long>(from));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool ForcedReader::works() noexcept {
  if (works_ == Works::Unknown) works_ = reads_own_page() ? Works::Yes : Works::No;
  return works_ == Works::Yes;
}

bool ForcedReader::reads_own_page() const noexcept {
  constexpr long kPage = 4096;
  constexpr std::uint32_t kMark = 0x76'69'67'6c;
  const long page = raw_syscall(SYS_mmap, 0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page < 0) return false;
  auto* const mark = reinterpret_cast<volatile std::uint32_t*>(page);
  *mark = kMark;
  std::uint32_t found = 0;
  const bool read = raw_syscall(SYS_mprotect, page, kPage, PROT_NONE) == 0 &&
                    this->read(static_cast<std::uintptr_t>(page), &found, sizeof(found)) == sizeof(found);
  raw_syscall(SYS_munmap, page, kPage);
  return read && found == kMark;
}

}  // namespace vigil::shim::leaks
