#include "interpose/leaks/halted_threads.hpp"

#include <elf.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "interpose/lifecycle.hpp"
#include "interpose/naps.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::size_t kStackBytes = 32U << 10U;
constexpr std::int64_t kStopNs = 20'000'000;  // for all of them to stop in; one on a processor takes some microseconds

// By the kernel: libc's clock needs no call, but a page that the other process does not know how to find.
std::int64_t now_ns() noexcept {
  timespec time{};
  raw_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, reinterpret_cast<long>(&time));
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

void sleep_on(std::atomic<std::uint32_t>& word, std::uint32_t value, std::int64_t until_ns) noexcept {
  const timespec at{until_ns / 1'000'000'000, until_ns % 1'000'000'000};
  raw_syscall(SYS_futex, reinterpret_cast<long>(&word), FUTEX_WAIT_BITSET_PRIVATE, static_cast<long>(value),
              reinterpret_cast<long>(&at), 0, static_cast<long>(FUTEX_BITSET_MATCH_ANY));
}

void wake(std::atomic<std::uint32_t>& word) noexcept {
  raw_syscall(SYS_futex, reinterpret_cast<long>(&word), FUTEX_WAKE_PRIVATE, 1);
}

long trace(long request, int tid, long address = 0, long data = 0) noexcept {
  return raw_syscall(SYS_ptrace, request, tid, address, data);
}

// Where thread-local variables of this module lie, from the thread's own pointer on: the same for all threads.
std::intptr_t offset_of(const bool& own) noexcept {
  std::uintptr_t self = 0;
  asm("mov %%fs:0, %0" : "=r"(self));
  return reinterpret_cast<std::intptr_t>(&own) - static_cast<std::intptr_t>(self);
}

// What that thread's variable says; true when it cannot be read: it is none of libc's threads.
bool is_set(std::uintptr_t thread_pointer, std::intptr_t offset) noexcept {
  const auto read = [](std::uintptr_t at, void* to, std::size_t bytes) {
    const iovec here{to, bytes};
    const iovec there{reinterpret_cast<void*>(at), bytes};
    return raw_syscall(SYS_process_vm_readv, raw_syscall(SYS_getpid), reinterpret_cast<long>(&here), 1,
                       reinterpret_cast<long>(&there), 1, 0) == static_cast<long>(bytes);
  };
  std::uintptr_t self = 0;
  bool value = true;
  const bool is_thread = read(thread_pointer, &self, sizeof(self)) && self == thread_pointer;
  return !is_thread || !read(thread_pointer + static_cast<std::uintptr_t>(offset), &value, sizeof(value)) || value;
}

}  // namespace

// ---- in the other process ---------------------------------------------------------------------------------------

bool HaltedThreads::attach(Halted& one) noexcept {
  if (trace(PTRACE_SEIZE, one.tid) != 0) return false;
  // The kernel goes on with most calls as if nothing had been; epoll_wait() and a few others it would end. So whoever
  // comes to sleep for an event just now is left alone.
  return nap_of(one.tid) == 0 && trace(PTRACE_INTERRUPT, one.tid) == 0;
}

bool HaltedThreads::await_stop(Halted& one, std::int64_t until_ns) noexcept {
  constexpr int kEventShift = 16;
  while (true) {
    int status = 0;
    const long got = raw_syscall(SYS_wait4, one.tid, reinterpret_cast<long>(&status), WNOHANG | __WALL, 0);
    if (got == one.tid && WIFSTOPPED(status)) {
      one.stopped = true;
      one.signal_number = status >> kEventShift == 0 ? WSTOPSIG(status) : 0;
      return true;
    }
    if (got != 0 || now_ns() >= until_ns) return false;
    const timespec moment{0, 20'000};
    raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&moment), 0);
  }
}

bool HaltedThreads::read_registers(Halted& one) noexcept {
  iovec wide{one.wide.data(), one.wide.size()};
  if (trace(PTRACE_GETREGS, one.tid, 0, reinterpret_cast<long>(&one.registers)) != 0 ||
      trace(PTRACE_GETREGSET, one.tid, NT_X86_XSTATE, reinterpret_cast<long>(&wide)) != 0) {
    return false;
  }
  one.wide_bytes = wide.iov_len;
  return true;
}

void HaltedThreads::let_all_go() noexcept {
  for (Halted& one : threads_) {
    // A signal that was stopped on its way is delivered now. Who has not stopped is let go by our end.
    if (std::exchange(one.stopped, false)) trace(PTRACE_DETACH, one.tid, 0, one.signal_number);
  }
}

void HaltedThreads::halt_all() noexcept {
  const std::int64_t stop_until_ns = now_ns() + kStopNs;
  const bool all = std::ranges::all_of(threads_, attach) &&
                   std::ranges::all_of(threads_, [&](Halted& one) { return await_stop(one, stop_until_ns); }) &&
                   std::ranges::all_of(threads_, read_registers);
  if (!all) let_all_go();
  // release: who reads the state reads the registers next.
  state_.store(all ? kHalted : kFailed, std::memory_order_release);
  wake(state_);
}

int HaltedThreads::run(void* self) noexcept {
  auto& halted = *static_cast<HaltedThreads*>(self);
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  while (halted.state_.load(std::memory_order_acquire) == kMade && now_ns() < halted.until_ns_) {
    sleep_on(halted.state_, kMade, halted.until_ns_);
  }
  if (halted.state_.load(std::memory_order_acquire) != kAsked) return 0;
  halted.halt_all();
  while (halted.state_.load(std::memory_order_acquire) == kHalted) {
    std::uint32_t expected = kHalted;
    // release: pairs with release(), which must know that they may move by now.
    if (now_ns() >= halted.until_ns_ &&
        halted.state_.compare_exchange_strong(expected, kExpired, std::memory_order_release)) {
      break;
    }
    sleep_on(halted.state_, kHalted, halted.until_ns_);
  }
  halted.let_all_go();
  return 0;
}

// ---- on the thread that asks ------------------------------------------------------------------------------------

bool HaltedThreads::halt(std::span<const int> tids) noexcept {
  threads_.resize(tids.size());
  for (std::size_t i = 0; i < tids.size(); ++i) threads_[i].tid = tids[i];
  state_.store(kMade, std::memory_order_relaxed);  // nobody else is there yet
  until_ns_ = now_ns() + kMostNs;
  stack_ = own_allocate(kStackBytes);
  // No signal in the flags: the program hears nothing of its end. It shares this thread's errno, and uses none.
  process_ =
      clone(run, static_cast<char*>(stack_) + kStackBytes, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, this);
  if (process_ <= 0) {
    state_.store(kFailed, std::memory_order_relaxed);
  } else {
    // Where only parents may attach to their children unless these agree (Yama); elsewhere the kernel knows no such
    // call.
    raw_syscall(SYS_prctl, PR_SET_PTRACER, process_);
    state_.store(kAsked, std::memory_order_release);
    wake(state_);
  }
  while (state_.load(std::memory_order_acquire) == kAsked && now_ns() < until_ns_) {
    sleep_on(state_, kAsked, until_ns_);
  }
  const std::intptr_t inside = offset_of(inside_shim);
  const std::intptr_t in_operation = offset_of(race::atomics::in_operation);
  const bool usable =
      state_.load(std::memory_order_acquire) == kHalted && std::ranges::none_of(threads_, [&](const Halted& one) {
        return is_set(one.registers.fs_base, inside) || is_set(one.registers.fs_base, in_operation);
      });
  if (!usable) release();
  return usable;
}

bool HaltedThreads::release() noexcept {
  if (stack_ == nullptr) return true;
  std::uint32_t expected = kHalted;
  // acquire, when it fails: pairs with the release in run().
  const bool were_halted = state_.compare_exchange_strong(expected, kReleased, std::memory_order_acq_rel);
  if (process_ > 0) {
    wake(state_);
    if (!were_halted && expected == kAsked) raw_syscall(SYS_kill, process_, SIGKILL);
    raw_syscall(SYS_wait4, process_, 0, __WALL, 0);
  }
  own_free(std::exchange(stack_, nullptr), kStackBytes);
  threads_.clear();
  return were_halted;
}

HaltedThreads::~HaltedThreads() { release(); }

bool HaltedThreads::holds(int tid) const noexcept {
  return std::ranges::any_of(threads_, [&](const Halted& one) { return one.tid == tid; });
}

OwnVector<std::uintptr_t> HaltedThreads::stack_pointers() const noexcept {
  OwnVector<std::uintptr_t> all;
  for (const Halted& one : threads_) all.push_back(one.registers.rsp);
  return all;
}

}  // namespace vigil::shim::leaks
