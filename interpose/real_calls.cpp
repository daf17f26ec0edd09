#include "interpose/real_calls.hpp"

#include <dlfcn.h>

#include <atomic>

namespace vigil::shim {
namespace {

constinit RealProcess process_calls{};
// release/acquire: who sees true sees them all. Two threads may fill it at once: they store the same values,
// and each word is stored whole.
constinit std::atomic<bool> process_known{false};

bool in_one_library(const void* one, const void* other) noexcept {
  Dl_info of_one{};
  Dl_info of_other{};
  return dladdr(one, &of_one) != 0 && dladdr(other, &of_other) != 0 && of_one.dli_fbase == of_other.dli_fbase;
}

}  // namespace

void* find_real(const char* name, const char* version) noexcept {
  void* const next = dlsym(RTLD_NEXT, name);
  if (version == nullptr) return next;
  void* const versioned = dlvsym(RTLD_NEXT, name, version);
  if (versioned == nullptr || versioned == next) return next;
  // Who stands between the program and libc, as a sanitizer's runtime does, gives its names no version, and none is
  // looked for by one; the program's calls would reach it all the same.
  return next == nullptr || in_one_library(next, versioned) ? versioned : next;
}

const RealProcess& real_process() noexcept {
  if (!process_known.load(std::memory_order_acquire)) [[unlikely]] {
    resolve(process_calls.sigaction, "sigaction");
    resolve(process_calls.signal, "signal");
    resolve(process_calls.sysv_signal, "__sysv_signal");
    resolve(process_calls.sigset, "sigset");
    resolve(process_calls.exit_now, "_exit");
    resolve(process_calls.quick_exit, "quick_exit");
    resolve(process_calls.abort, "abort");
    resolve(process_calls.execve, "execve");
    resolve(process_calls.execv, "execv");
    resolve(process_calls.execvp, "execvp");
    resolve(process_calls.execvpe, "execvpe");
    resolve(process_calls.fexecve, "fexecve");
    resolve(process_calls.execveat, "execveat");
    resolve(process_calls.dlclose, "dlclose");
    resolve(process_calls.thread_exit, "pthread_exit");
    resolve(process_calls.thread_create, "pthread_create");
    process_known.store(true, std::memory_order_release);
  }
  return process_calls;
}

}  // namespace vigil::shim
