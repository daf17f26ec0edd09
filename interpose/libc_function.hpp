// A function of libc itself, whatever its name leads to elsewhere.
#pragma once

#include <dlfcn.h>

#include <atomic>

namespace vigil::shim {

// Null: there is no such function.
inline void* find_in_libc(const char* name) noexcept {
  // relaxed: every thread finds the same, for good.
  static constinit std::atomic<void*> handle{nullptr};
  void* libc = handle.load(std::memory_order_relaxed);
  if (libc == nullptr) {
    libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    handle.store(libc, std::memory_order_relaxed);
  }
  return libc != nullptr ? dlsym(libc, name) : nullptr;
}

}  // namespace vigil::shim
