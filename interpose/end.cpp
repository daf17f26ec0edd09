#include "interpose/end.hpp"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>

#include "interpose/confinement.hpp"
#include "interpose/fall_stack.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/fixed_text.hpp"
#include "interpose/helper.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/options.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/safety_net.hpp"
#include "interpose/say.hpp"
#include "interpose/verdict.hpp"
#include "interpose/writer_state.hpp"

namespace vigil::shim {
namespace {

// Bounds of the steps in ms. A million leaked tasks take seconds to look at; a renderer gets its own bound.
constexpr int kLookMs = 30'000;
constexpr int kLookAfterSignalMs = 10'000;
constexpr int kWriteMs = 5'000;
constexpr int kFlushMs = 1'000;

// The kernel id of the thread that ends the process; 0: nobody yet. seq_cst by default: not hot.
constinit std::atomic<int> ender{0};
constinit std::atomic<bool> runtime_attached{false};
// Of the ender. relaxed: written and read by it alone.
constinit std::atomic<std::uintptr_t> ender_sp{0};

int my_tid() noexcept { return static_cast<int>(raw_syscall(SYS_gettid)); }

[[noreturn]] void wait_for_the_end() noexcept {
  while (true) raw_syscall(SYS_pause);
}

// While this thread ends the process no signal takes it away from that, but faults and a second ctrl-C.
class QuietSignals {
 public:
  QuietSignals() noexcept {
    std::uint64_t all = ~std::uint64_t{0};
    for (const int kept : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT, SIGINT}) {
      all &= ~(std::uint64_t{1} << (kept - 1));
    }
    raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before_), 8);
  }
  ~QuietSignals() { raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before_), 0, 8); }
  QuietSignals(const QuietSignals&) = delete;
  QuietSignals& operator=(const QuietSignals&) = delete;

 private:
  std::uint64_t before_ = 0;
};

constexpr bool interrupted(EndKind kind) noexcept { return kind == EndKind::Abort || kind == EndKind::Signal; }

// Writes the end, has the report made, tells the verdict. Whether errors remain.
bool write_and_tell(EndKind kind, int status, int signal_number) noexcept {
  in_net(kWriteMs, [&] { write_end(kind, status, signal_number, skipped_events()); });
  return tell_verdict();
}

int chosen_exitcode() noexcept { return options().exitcode.value; }

int status_with(bool errors_remain, EndKind kind, int status) noexcept {
  return is_normal(kind) && status == 0 && errors_remain && chosen_exitcode() != 0 ? chosen_exitcode() : status;
}

// The end of a thread that would be killed for the calls of a whole one: what was found before is in the record,
// whoever reads that later judges it (`vigil run`, `vigil report`).
int end_in_confinement(EndKind kind, int status, int signal_number) noexcept {
  constexpr int kSomebody = -1;  // no thread has that number, and ours may not be asked for
  int nobody = 0;
  if (stage() != Stage::Live || !ender.compare_exchange_strong(nobody, kSomebody)) return status;
  if (confinement::forbids_the_last_record()) return status;
  const InsideGuard inside;
  if (!in_own_process() || !begin_stopping()) return status;
  write_end(kind, status, signal_number, skipped_events());
  return status_with(writer_summary().counts.errors > 0, kind, status);
}

}  // namespace

std::string_view name_of(EndKind kind) noexcept {
  constexpr std::array<std::string_view, 7> kNames{"exit", "_exit", "abort", "signal", "deadlock", "deadline", "exec"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::uintptr_t stack_pointer_at_end() noexcept { return ender_sp.load(std::memory_order_relaxed); }

bool is_ending() noexcept { return ender.load() != 0; }

int run_end(EndKind kind, int status, int signal_number) noexcept {
  if (confinement::forbids_the_end()) return end_in_confinement(kind, status, signal_number);
  if (stage() != Stage::Live || !in_own_process()) {
    if (stage() != Stage::Stopping || !in_own_process()) return status;
  }
  int nobody = 0;
  if (!ender.compare_exchange_strong(nobody, my_tid())) {
    if (nobody == my_tid()) return status;  // the end itself came here again, by a crash or a handler
    wait_for_the_end();
  }
  __builtin_unwind_init();  // every register that a call preserves is on this frame now
  std::uintptr_t sp = 0;
  asm volatile("mov %%rsp, %0" : "=r"(sp));
  ender_sp.store(sp, std::memory_order_relaxed);
  const QuietSignals quiet;
  const InsideGuard inside;
  if (is_normal(kind)) in_net(kLookMs, [] { detectors_before_end(); });
  if (!begin_stopping()) return status;
  if (!in_net(interrupted(kind) ? kLookAfterSignalMs : kLookMs, [&] { detectors_at_end(kind); })) {
    FixedText<768> line;
    line << "the look at the end of the program went wrong" << fall_words().view()
         << "; what was found before is reported";
    say(line.view());
  }
  const bool errors_remain = write_and_tell(kind, status, signal_number);
  return status_with(errors_remain, kind, status);
}

void end_process(EndKind kind) noexcept {
  constexpr int kDefaultExitcode = 66;
  const int code = chosen_exitcode() != 0 ? chosen_exitcode() : kDefaultExitcode;
  // The program's own output is flushed as far as nobody sits on a stream's lock.
  if (!is_ending()) in_net(kFlushMs, [] { fflush(nullptr); });
  run_end(kind, code, 0);
  while (true) raw_syscall(SYS_exit_group, code);
}

void before_exec() noexcept {
  if (stage() != Stage::Live || !in_own_process() || inside_shim || is_ending()) return;
  const InsideGuard inside;
  if (writer_summary().path.empty()) return;
  write_and_tell(EndKind::Exec, 0, 0);
}

void halt_after_error() noexcept {
  int nobody = 0;
  if (stage() != Stage::Live || !ender.compare_exchange_strong(nobody, my_tid())) return;
  const QuietSignals quiet;
  const InsideGuard inside;
  const int code = chosen_exitcode() != 0 ? chosen_exitcode() : 1;
  if (write_and_tell(EndKind::UnderscoreExit, code, 0)) {
    in_net(kFlushMs, [] { fflush(nullptr); });
    while (true) raw_syscall(SYS_exit_group, code);
  }
  ender.store(0);  // suppressed: the run goes on, and the end record just written is not the last
}

void on_runtime_attached() noexcept {
  if (runtime_attached.exchange(true)) return;
  open_record();
  start_service_thread();
}

void reset_end_after_fork() noexcept { ender.store(0); }

}  // namespace vigil::shim
