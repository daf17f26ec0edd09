// Per watched signal one of four things is true:
//   default     on_signal is installed; the program believes in SIG_DFL
//   one-shot    on_one_shot is installed for a handler that the program gave with SA_RESETHAND: the kernel would fall
//   back
//               to the real default behind our back
//   followed    on_followed is installed for any other handler, where races are looked for: what was done before a
//               signal was sent, or its handler installed, is ordered before the handler's first step
//   foreign     the program's own handler or SIG_IGN is installed, untouched
//   let go      the real SIG_DFL, when the shim is not Live
#include "interpose/signals.hpp"

#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "interpose/alternate_stacks.hpp"
#include "interpose/descriptors.hpp"
#include "interpose/end.hpp"
#include "interpose/helper.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"

namespace vigil::shim {
namespace {

constexpr int kSignals = 65;

constexpr bool ends_by_default(int signal_number) noexcept {
  switch (signal_number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGCHLD:
    case SIGCONT:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGURG:
    case SIGWINCH:
      return false;
    default:
      // 32 and 33 belong to the thread library.
      return signal_number >= 1 && signal_number < kSignals && signal_number != 32 && signal_number != 33;
  }
}

constexpr bool is_fault(int signal_number) noexcept {
  return signal_number == SIGSEGV || signal_number == SIGBUS || signal_number == SIGILL || signal_number == SIGFPE;
}

// What the program said, where the kernel holds something of ours. Words on their own: a program that changes one
// signal from two threads at once gets one of the two, as it would from the kernel.
struct Said {
  std::atomic<int> flags{0};                   // of the disposition the program believes in
  std::atomic<sighandler_t> handler{nullptr};  // one-shot, followed: the program's handler
};
constinit std::array<Said, kSignals> said{};

void on_signal(int signal_number, siginfo_t* info, void* context);
void on_one_shot(int signal_number, siginfo_t* info, void* context);
void on_followed(int signal_number, siginfo_t* info, void* context);

// Known since the shim started, but for instrumented code that a plain program loads: its handlers are followed from
// then on. Thus the signals whose default does not end the process are in hand, too.
bool follows_handlers() noexcept { return race::engine_is_native(); }
bool in_hand_at_all(int signal_number) noexcept {
  const bool is_one = signal_number >= 1 && signal_number < kSignals;
  return ends_by_default(signal_number) || (is_one && follows_handlers());
}

bool is_default(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_signal;
}
bool is_one_shot(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_one_shot;
}

bool is_followed(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_followed;
}

struct sigaction default_action(int signal_number, const struct sigaction& wanted) noexcept {
  said[static_cast<std::size_t>(signal_number)].flags.store(wanted.sa_flags, std::memory_order_relaxed);
  struct sigaction ours {};
  ours.sa_sigaction = on_signal;
  // SA_RESTART: SIGQUIT returns, and what it interrupted should not notice.
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  ours.sa_mask = wanted.sa_mask;
  return ours;
}

// ours: what calls the program's handler.
struct sigaction action_through(void (*ours)(int, siginfo_t*, void*), int signal_number,
                                const struct sigaction& wanted) noexcept {
  Said& one = said[static_cast<std::size_t>(signal_number)];
  one.flags.store(wanted.sa_flags, std::memory_order_relaxed);
  one.handler.store(wanted.sa_handler, std::memory_order_relaxed);
  struct sigaction through = wanted;
  through.sa_sigaction = ours;
  through.sa_flags = (wanted.sa_flags | SA_SIGINFO) & ~static_cast<int>(SA_RESETHAND);
  return through;
}

// The program's view of an action that the kernel told.
void translate(int signal_number, struct sigaction& action) noexcept {
  const Said& one = said[static_cast<std::size_t>(signal_number)];
  if (is_default(action)) {
    action.sa_handler = SIG_DFL;
  } else if (is_one_shot(action) || is_followed(action)) {
    action.sa_handler = one.handler.load(std::memory_order_relaxed);
  } else {
    return;
  }
  action.sa_flags = one.flags.load(std::memory_order_relaxed);
}

// What to install so that the program's wish holds and a death is still seen.
struct sigaction in_hand(int signal_number, struct sigaction wanted) noexcept {
  constexpr int kRestorer = 0x04000000;  // SA_RESTORER: libc sets it on whatever it installs, and shows it
  wanted.sa_flags |= kRestorer;
  if (wanted.sa_handler == SIG_DFL)
    return ends_by_default(signal_number) ? default_action(signal_number, wanted) : wanted;
  if (wanted.sa_handler == SIG_IGN) return wanted;
  if (follows_handlers()) sent_signals::sent();
  const bool one_shot = (wanted.sa_flags & static_cast<int>(SA_RESETHAND)) != 0;
  if (one_shot) return action_through(on_one_shot, signal_number, wanted);
  return follows_handlers() ? action_through(on_followed, signal_number, wanted) : wanted;
}

void unblock(int signal_number) noexcept {
  const std::uint64_t set = std::uint64_t{1} << (signal_number - 1);
  raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<long>(&set), 0, 8);
}

void let_go(int signal_number) noexcept {
  struct sigaction real_default {};
  real_default.sa_handler = SIG_DFL;
  real_process().sigaction(signal_number, &real_default, nullptr);
}

void on_signal(int signal_number, siginfo_t* info, void* /*context*/) {
  const int saved_errno = errno;
  if (in_own_process() && stage() != Stage::Off) {
    if (signal_number == SIGQUIT && !is_ending() && request_dump()) {
      errno = saved_errno;
      return;
    }
    // A second ctrl-C, while the end takes its time, means now.
    if (signal_number != SIGINT || !is_ending()) {
      run_end(signal_number == SIGABRT ? EndKind::Abort : EndKind::Signal, 0, signal_number);
    }
  }
  errno = saved_errno;
  if (is_fault(signal_number) && info->si_code > 0) {
    let_go(signal_number);  // the instruction runs again and faults for good: the core dump shows the right place
    return;
  }
  take_default_action(signal_number);
}

void run_handler(const Said& one, int signal_number, siginfo_t* info, void* context) {
  if (follows_handlers()) sent_signals::got();
  const sighandler_t handler = one.handler.load(std::memory_order_relaxed);
  if ((one.flags.load(std::memory_order_relaxed) & SA_SIGINFO) != 0) {
    struct sigaction told {};
    told.sa_handler = handler;  // the two forms share their place, here as in the kernel's eyes
    told.sa_sigaction(signal_number, info, context);
  } else {
    handler(signal_number);
  }
}

void on_one_shot(int signal_number, siginfo_t* info, void* context) {
  const Said& one = said[static_cast<std::size_t>(signal_number)];
  Said mine;  // the program may say something new meanwhile, and the fallback does
  mine.handler.store(one.handler.load(std::memory_order_relaxed), std::memory_order_relaxed);
  mine.flags.store(one.flags.load(std::memory_order_relaxed), std::memory_order_relaxed);
  struct sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  fallback.sa_flags = mine.flags.load(std::memory_order_relaxed);
  program_sigaction(signal_number, &fallback, nullptr);
  run_handler(mine, signal_number, info, context);
}

void on_followed(int signal_number, siginfo_t* info, void* context) {
  run_handler(said[static_cast<std::size_t>(signal_number)], signal_number, info, context);
}

}  // namespace

void watch_signals() noexcept {
  alternate_stacks::give();
  for (int signal_number = 1; signal_number < kSignals; ++signal_number) {
    if (!ends_by_default(signal_number)) continue;
    struct sigaction now {};
    if (real_process().sigaction(signal_number, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    const struct sigaction ours = default_action(signal_number, now);
    real_process().sigaction(signal_number, &ours, nullptr);
  }
}

int program_sigaction(int signal_number, const struct sigaction* action, struct sigaction* old) noexcept {
  if (!in_hand_at_all(signal_number)) return real_process().sigaction(signal_number, action, old);
  struct sigaction before {};
  int rc = 0;
  if (action != nullptr && stage() == Stage::Live && in_own_process()) {
    // What the program said before is replaced by in_hand(), so its view of the old action is taken first.
    rc = real_process().sigaction(signal_number, nullptr, &before);
    translate(signal_number, before);
    const struct sigaction installed = in_hand(signal_number, *action);
    if (rc == 0) rc = real_process().sigaction(signal_number, &installed, nullptr);
  } else {
    rc = real_process().sigaction(signal_number, action, &before);
    translate(signal_number, before);
  }
  if (rc == 0 && old != nullptr) *old = before;
  return rc;
}

sighandler_t adopt_disposition(int signal_number, sighandler_t old) noexcept {
  if (!in_hand_at_all(signal_number)) return old;
  const auto is = [old](void (*ours)(int, siginfo_t*, void*)) {
    return reinterpret_cast<std::uintptr_t>(old) == reinterpret_cast<std::uintptr_t>(ours);
  };
  if (is(on_signal)) {
    old = SIG_DFL;
  } else if (is(on_one_shot) || is(on_followed)) {
    old = said[static_cast<std::size_t>(signal_number)].handler.load(std::memory_order_relaxed);
  }
  struct sigaction now {};
  if (stage() == Stage::Live && in_own_process() && real_process().sigaction(signal_number, nullptr, &now) == 0 &&
      !is_default(now) && !is_one_shot(now) && !is_followed(now)) {
    const struct sigaction installed = in_hand(signal_number, now);
    if (installed.sa_handler != now.sa_handler) real_process().sigaction(signal_number, &installed, nullptr);
  }
  return old;
}

bool is_ignored(int signal_number) noexcept {
  struct sigaction now {};
  return real_process().sigaction(signal_number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void take_default_action(int signal_number) noexcept {
  let_go(signal_number);
  raw_syscall(SYS_tgkill, raw_syscall(SYS_getpid), raw_syscall(SYS_gettid), signal_number);
  unblock(signal_number);  // pending until here
}

}  // namespace vigil::shim
