#include "interpose/race/reserve.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "interpose/own_mappings.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::race {

void* reserve_zeroed(std::size_t bytes, std::uintptr_t at) noexcept {
  const long flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != 0 ? MAP_FIXED_NOREPLACE : 0);
  const long got =
      raw_syscall(SYS_mmap, static_cast<long>(at), static_cast<long>(bytes), PROT_READ | PROT_WRITE, flags, -1, 0);
  if (got < 0 && got > -4096) return nullptr;
  if (at != 0 && static_cast<std::uintptr_t>(got) != at) {  // a kernel that does not know MAP_FIXED_NOREPLACE
    raw_syscall(SYS_munmap, got, static_cast<long>(bytes));
    return nullptr;
  }
  note_own_mapping(static_cast<std::uintptr_t>(got), bytes);
  // A huge page would make two megabytes of one touched byte.
  raw_syscall(SYS_madvise, got, static_cast<long>(bytes), MADV_NOHUGEPAGE);
  raw_syscall(SYS_madvise, got, static_cast<long>(bytes), MADV_DONTDUMP);
  return reinterpret_cast<void*>(got);
}

void give_pages_back(std::uintptr_t from, std::size_t bytes) noexcept {
  raw_syscall(SYS_madvise, static_cast<long>(from), static_cast<long>(bytes), MADV_DONTNEED);
}

}  // namespace vigil::shim::race
