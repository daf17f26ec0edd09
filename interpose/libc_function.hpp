// A function of libc itself, whatever its name leads to elsewhere.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <string_view>

namespace vigil::shim {

// Whether that function is libc's: not a sanitizer's, nor one of another library that stands before libc.
inline bool is_libcs(const void* function) noexcept {
  Dl_info found{};
  if (function == nullptr || dladdr(function, &found) == 0) return false;
  const std::string_view file = found.dli_fname;
  constexpr std::string_view kLibc = "libc.so.6";
  return file.ends_with(kLibc) && (file.size() == kLibc.size() || file[file.size() - kLibc.size() - 1] == '/');
}

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
