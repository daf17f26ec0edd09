// Wrappers of mappings: what is mapped is fresh, what is unmapped is forgotten while nobody else can have it yet.
#include <sys/mman.h>

#include <atomic>
#include <cstdarg>

#include "interpose/export.hpp"
#include "interpose/heap.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/shared_memory.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using Map = void*(void*, std::size_t, int, int, int, off_t);
constinit std::atomic<Map*> real_mmap{nullptr};
constinit std::atomic<int (*)(void*, std::size_t)> real_munmap{nullptr};
constinit std::atomic<void* (*)(void*, std::size_t, std::size_t, int, ...)> real_mremap{nullptr};

void* map(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  void* const got = find_once(&find_next, real_mmap, "mmap")(at, size, protection, flags, file, offset);
  if (got == MAP_FAILED) return got;
  heap::mapped(got, size);
  if ((flags & MAP_SHARED) != 0 && (flags & MAP_ANONYMOUS) == 0 && (protection & PROT_WRITE) != 0) {
    shared_memory::mapped(got, size, file, offset);
  } else if ((flags & MAP_FIXED) != 0) {
    shared_memory::unmapped(got, size);
  }
  return got;
}

}  // namespace

extern "C" VIGIL_EXPORT void* mmap(void* at, std::size_t size, int protection, int flags, int file,
                                   off_t offset) noexcept {
  return map(at, size, protection, flags, file, offset);
}
extern "C" VIGIL_EXPORT void* mmap64(void* at, std::size_t size, int protection, int flags, int file,
                                     off_t offset) noexcept {
  return map(at, size, protection, flags, file, offset);
}
extern "C" VIGIL_EXPORT int munmap(void* at, std::size_t size) noexcept {
  heap::mapped(at, size);
  shared_memory::unmapped(at, size);
  return find_once(&find_next, real_munmap, "munmap")(at, size);
}
extern "C" VIGIL_EXPORT void* mremap(void* at, std::size_t size, std::size_t wanted, int flags, ...) noexcept {
  void* to = nullptr;
  if ((flags & MREMAP_FIXED) != 0) {
    va_list rest;
    va_start(rest, flags);
    to = va_arg(rest, void*);
    va_end(rest);
  }
  heap::mapped(at, size);
  shared_memory::unmapped(at, size);
  void* const got = find_once(&find_next, real_mremap, "mremap")(at, size, wanted, flags, to);
  if (got != MAP_FAILED) heap::mapped(got, wanted);
  return got;
}
