#include "interpose/alternate_stacks.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>
#include <bit>
#include <csignal>
#include <cstdint>
#include <limits>

#include "interpose/futex_lock.hpp"
#include "interpose/raw_syscall.hpp"

namespace vigil::shim::alternate_stacks {
namespace {

constexpr std::size_t kGuard = 4096;
constexpr std::size_t kBytes = 256UL * 1024;  // as the runtime's, on which the same end runs
constexpr std::size_t kEach = kGuard + kBytes;
constexpr int kNone = -1;
static_assert(kMost == std::numeric_limits<std::uint64_t>::digits);

struct Stacks {
  FutexLock making;  // guards where they are made
  // 0: not made yet; kNowhere: they cannot be.
  std::atomic<std::uintptr_t> low{0};
  std::atomic<std::uint64_t> taken{0};  // a bit each
};
constexpr std::uintptr_t kNowhere = 1;
constinit Stacks stacks;
thread_local constinit int mine __attribute__((tls_model("initial-exec"))) = kNone;

std::uintptr_t make() noexcept {
  const long at = raw_syscall(SYS_mmap, 0, kMost * kEach, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at < 0 ? kNowhere : static_cast<std::uintptr_t>(at);
}

std::uintptr_t all_of_them() noexcept {
  // acquire: pairs with the release below.
  std::uintptr_t low = stacks.low.load(std::memory_order_acquire);
  if (low != 0) return low;
  stacks.making.lock();
  low = stacks.low.load(std::memory_order_relaxed);
  if (low == 0) {
    low = make();
    stacks.low.store(low, std::memory_order_release);
  }
  stacks.making.unlock();
  return low;
}

// kNone: there is none left.
int take_one() noexcept {
  std::uint64_t taken = stacks.taken.load(std::memory_order_relaxed);
  while (~taken != 0) {
    const int number = std::countr_one(taken);
    // acquire: pairs with the release of who had it before.
    if (stacks.taken.compare_exchange_weak(taken, taken | std::uint64_t{1} << number, std::memory_order_acquire)) {
      return number;
    }
  }
  return kNone;
}

void give_away(int number) noexcept {
  stacks.taken.fetch_and(~(std::uint64_t{1} << number), std::memory_order_release);
}

std::uintptr_t place_of(int number) noexcept {
  return stacks.low.load(std::memory_order_relaxed) + static_cast<std::size_t>(number) * kEach + kGuard;
}

bool set(const stack_t* wanted, stack_t* before) noexcept {
  return raw_syscall(SYS_sigaltstack, reinterpret_cast<long>(wanted), reinterpret_cast<long>(before)) == 0;
}

}  // namespace

void give() noexcept {
  stack_t now{};
  if (mine != kNone || !set(nullptr, &now) || (now.ss_flags & SS_DISABLE) == 0) return;
  if (all_of_them() == kNowhere) return;
  mine = take_one();
  if (mine == kNone) return;
  // Each time: a guard that is there already costs as little as remembering it.
  raw_syscall(SYS_mprotect, static_cast<long>(place_of(mine) - kGuard), kGuard, PROT_NONE);
  now = {};
  now.ss_sp = reinterpret_cast<void*>(place_of(mine));
  now.ss_size = kBytes;
  if (set(&now, nullptr)) return;
  give_away(mine);
  mine = kNone;
}

void take_back() noexcept {
  if (mine == kNone) return;
  stack_t now{};
  if (!set(nullptr, &now)) return;
  if (reinterpret_cast<std::uintptr_t>(now.ss_sp) == place_of(mine) && (now.ss_flags & SS_DISABLE) == 0) {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (!set(&none, nullptr)) return;  // a handler ends the thread: it stands on it
  }
  give_away(mine);
  mine = kNone;
}

void forked() noexcept {
  stacks.making.reset_after_fork();
  // relaxed: one thread.
  stacks.taken.store(mine == kNone ? 0 : std::uint64_t{1} << mine, std::memory_order_relaxed);
}

}  // namespace vigil::shim::alternate_stacks
