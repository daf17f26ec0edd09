// The program's ways out that libc does not announce, and its view of signals.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "interpose/end.hpp"
#include "interpose/export.hpp"
#include "interpose/helper.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/loading.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/signals.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/ways_out.hpp"

namespace vigil::shim {

// ---- ends ------------------------------------------------------------------------------------------------------

namespace {
[[noreturn]] void exit_now(int status) noexcept {
  real_process().exit_now(run_end(EndKind::UnderscoreExit, status, 0));
  __builtin_unreachable();
}
}  // namespace

extern "C" VIGIL_EXPORT void _exit(int status) { exit_now(status); }
extern "C" VIGIL_EXPORT void _Exit(int status) noexcept { exit_now(status); }

extern "C" VIGIL_EXPORT void quick_exit(int status) noexcept {
  expect_quick_exit(status);
  real_process().quick_exit(status);
  __builtin_unreachable();
}

// abort() raises SIGABRT first; our handler records it where the program has none. Where the program ignores it, or has
// a handler that returns, libc would then fall back to the default behind our back.
extern "C" VIGIL_EXPORT void abort() noexcept {
  const std::uint64_t set = std::uint64_t{1} << (SIGABRT - 1);
  raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<long>(&set), 0, 8);
  if (!is_ignored(SIGABRT)) raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), SIGABRT);
  run_end(EndKind::Abort, 0, SIGABRT);
  take_default_action(SIGABRT);
  real_process().abort();
  __builtin_unreachable();
}

// Not noexcept: leaving a thread unwinds its stack, through this frame.
extern "C" VIGIL_EXPORT void pthread_exit(void* result) {
  if (raw_syscall(SYS_gettid) == raw_syscall(SYS_getpid)) record([] { main_thread_leaves(); });
  real_process().thread_exit(result);
  __builtin_unreachable();
}

// ---- signals ---------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int sigaction(int signal_number, const struct sigaction* action,
                                      struct sigaction* old) noexcept {
  return program_sigaction(signal_number, action, old);
}
extern "C" VIGIL_EXPORT sighandler_t signal(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().signal(signal_number, handler));
}
extern "C" VIGIL_EXPORT sighandler_t bsd_signal(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().signal(signal_number, handler));
}
extern "C" VIGIL_EXPORT sighandler_t ssignal(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().signal(signal_number, handler));
}
extern "C" VIGIL_EXPORT sighandler_t __sysv_signal(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().sysv_signal(signal_number, handler));
}
extern "C" VIGIL_EXPORT sighandler_t sysv_signal(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().sysv_signal(signal_number, handler));
}
extern "C" VIGIL_EXPORT sighandler_t sigset(int signal_number, sighandler_t handler) noexcept {
  return adopt_disposition(signal_number, real_process().sigset(signal_number, handler));
}

// ---- modules ---------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int dlclose(void* handle) noexcept {
  const int rc = real_process().dlclose(handle);
  record([] { modules_changed(); });
  loading::closed();
  return rc;
}

}  // namespace vigil::shim
