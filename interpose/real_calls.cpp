#include "interpose/real_calls.hpp"

#include <dlfcn.h>

#include <atomic>

namespace vigil::shim {
namespace {

constinit RealProcess table{};
// release/acquire: who sees true sees the whole table. Two threads may fill it at once: they store the same values,
// and each word is stored whole.
constinit std::atomic<bool> known{false};

template <class Pointer>
void resolve(Pointer& slot, const char* name) noexcept {
  Pointer found = reinterpret_cast<Pointer>(find_real(name));
  __atomic_store(&slot, &found, __ATOMIC_RELAXED);
}

}  // namespace

void* find_real(const char* name, const char* version) noexcept {
  if (version != nullptr) {
    if (void* const found = dlvsym(RTLD_NEXT, name, version)) return found;
  }
  return dlsym(RTLD_NEXT, name);
}

const RealProcess& real_process() noexcept {
  if (!known.load(std::memory_order_acquire)) [[unlikely]] {
    resolve(table.sigaction, "sigaction");
    resolve(table.signal, "signal");
    resolve(table.sysv_signal, "__sysv_signal");
    resolve(table.sigset, "sigset");
    resolve(table.exit_now, "_exit");
    resolve(table.quick_exit, "quick_exit");
    resolve(table.abort, "abort");
    resolve(table.execve, "execve");
    resolve(table.execv, "execv");
    resolve(table.execvp, "execvp");
    resolve(table.execvpe, "execvpe");
    resolve(table.fexecve, "fexecve");
    resolve(table.execveat, "execveat");
    resolve(table.dlclose, "dlclose");
    resolve(table.thread_exit, "pthread_exit");
    resolve(table.thread_create, "pthread_create");
    known.store(true, std::memory_order_release);
  }
  return table;
}

}  // namespace vigil::shim
