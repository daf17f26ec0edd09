#include "interpose/safety_net.hpp"

#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/fall_stack.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"

namespace vigil::shim {
namespace {

// SIGVTALRM is the net's own clock; the others are how a step crashes.
constexpr std::array<int, 7> kCaught{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGVTALRM};

constinit sigjmp_buf jump{};
// The thread in the net, 0: none. seq_cst by default: set and read around system calls, not hot.
constinit std::atomic<int> thread_in_net{0};

int my_tid() noexcept { return static_cast<int>(raw_syscall(SYS_gettid)); }

void on_fall(int signal_number) noexcept {
  if (thread_in_net.load() == my_tid()) {
    capture_fall();
    siglongjmp(jump, signal_number);
  }
  if (signal_number == SIGVTALRM) return;
  // Another thread crashed while the process ends: it may not take the rest of the end with it.
  while (true) raw_syscall(SYS_pause);
}

class Timer {
 public:
  explicit Timer(int limit_ms) noexcept {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGVTALRM;
    event._sigev_un._tid = my_tid();
    made_ = raw_syscall(SYS_timer_create, CLOCK_MONOTONIC, reinterpret_cast<long>(&event),
                        reinterpret_cast<long>(&id_)) == 0;
    // Again every 100 ms, should the first arrive while the signal is blocked by the step itself.
    const itimerspec when{{0, 100'000'000}, {limit_ms / 1000, std::int64_t{limit_ms % 1000} * 1'000'000}};
    if (made_) raw_syscall(SYS_timer_settime, id_, 0, reinterpret_cast<long>(&when), 0);
  }
  ~Timer() {
    if (made_) raw_syscall(SYS_timer_delete, id_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  int id_ = 0;
  bool made_ = false;
};

class CaughtSignals {
 public:
  CaughtSignals() noexcept {
    std::uint64_t unblocked = 0;
    struct sigaction action {};
    action.sa_handler = on_fall;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    for (std::size_t i = 0; i < kCaught.size(); ++i) {
      real_process().sigaction(kCaught[i], &action, &before_[i]);
      unblocked |= std::uint64_t{1} << (kCaught[i] - 1);
    }
    raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<long>(&unblocked), reinterpret_cast<long>(&mask_), 8);
  }
  ~CaughtSignals() {
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&mask_), 0, 8);
    for (std::size_t i = 0; i < kCaught.size(); ++i) real_process().sigaction(kCaught[i], &before_[i], nullptr);
  }
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

 private:
  std::array<struct sigaction, kCaught.size()> before_{};
  std::uint64_t mask_ = 0;
};

}  // namespace

bool run_in_net(int limit_ms, void (*body)(void*), void* context) noexcept {
  if (thread_in_net.load() != 0) {  // a net inside the net: the outer one catches
    body(context);
    return true;
  }
  const CaughtSignals caught;
  const Timer timer(limit_ms);
  // Nothing that changes between here and the jump is read after it, so nothing needs to be volatile.
  if (sigsetjmp(jump, 1) != 0) {
    thread_in_net.store(0);
    return false;
  }
  thread_in_net.store(my_tid());
  body(context);
  thread_in_net.store(0);
  return true;
}

}  // namespace vigil::shim
