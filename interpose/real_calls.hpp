// The functions behind our wrappers, as the program would get them without us.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include <atomic>

namespace vigil::shim {

// The next definition of `name` after this library; where that library has several, the one of `version`.
// dlsym() before glibc 2.36 gives the oldest version of a name: say the version where old ones still exist.
void* find_real(const char* name, const char* version = nullptr) noexcept;

template <class Function>
Function* find_real_as(const char* name, const char* version = nullptr) noexcept {
  return reinterpret_cast<Function*>(find_real(name, version));
}

// Stored whole: two threads may store the same at once.
template <class Pointer>
void resolve(Pointer& slot, const char* name, const char* version = nullptr) noexcept {
  auto found = reinterpret_cast<Pointer>(find_real(name, version));
  __atomic_store(&slot, &found, __ATOMIC_RELAXED);
}

// What find gives for the name, found when it is first needed. relaxed: every thread finds the same, and code is there
// before it is called.
inline void* find_next(const char* name) noexcept { return find_real(name); }
template <class Function>
Function* find_once(void* (*find)(const char*) noexcept, std::atomic<Function*>& place, const char* name) noexcept {
  Function* found = place.load(std::memory_order_relaxed);
  if (found == nullptr) {
    found = reinterpret_cast<Function*>(find(name));
    place.store(found, std::memory_order_relaxed);
  }
  return found;
}

// Of the process family (wrap_process.cpp, wrap_exec.cpp, wrap_signal.cpp).
struct RealProcess {
  int (*sigaction)(int, const struct sigaction*, struct sigaction*);
  sighandler_t (*signal)(int, sighandler_t);
  sighandler_t (*sysv_signal)(int, sighandler_t);
  sighandler_t (*sigset)(int, sighandler_t);
  void (*exit_now)(int);  // _exit
  void (*quick_exit)(int);
  void (*abort)();
  int (*execve)(const char*, char* const*, char* const*);
  int (*execv)(const char*, char* const*);
  int (*execvp)(const char*, char* const*);
  int (*execvpe)(const char*, char* const*, char* const*);
  int (*fexecve)(int, char* const*, char* const*);
  int (*execveat)(int, const char*, char* const*, char* const*, int);
  int (*dlclose)(void*);
  void (*thread_exit)(void*);  // pthread_exit
  int (*thread_create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
};

// Found on first use, before main as a rule. Safe from any thread.
const RealProcess& real_process() noexcept;

}  // namespace vigil::shim
