// RwMutex. Everything about who has it is in one word; waiting is in two queues. Locks are handed over: a woken waiter
// has the lock already. Invariants, whenever queue_lock_ is free:
//   I1  kWriter          a writer has it; then there are no readers.
//   I2  kWritersWait     writers_ is not empty; changed under queue_lock_ only.
//   I3  kReadersWait     readers_ is not empty; changed under queue_lock_ only; implies kWriter or kWritersWait.
//   I4  kWritersWait     implies kWriter or readers: a free lock has no waiting writer.
// What leaves with kWritersWait or kReadersWait set takes effect under queue_lock_; what leaves without is one
// compare-and-swap, after which the mutex is not touched again: whoever locks next may destroy it.
#include "vigil/rw_mutex.hpp"

#include "runtime/src/choice.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "vigil/panic.hpp"

namespace vigil {
namespace {

using detail::Inside;
using detail::SpinGuard;
using detail::SpinLock;
using detail::Waiter;
using detail::WaitQueue;

constexpr std::uint32_t kWriter = 1;
constexpr std::uint32_t kWritersWait = 2;
constexpr std::uint32_t kReadersWait = 4;
constexpr std::uint32_t kReader = 8;  // one reader; the count is in the bits from here

constexpr std::uint32_t readers_of(std::uint32_t state) noexcept { return state / kReader; }

using detail::who;
using detail::who_acts;

}  // namespace

RwMutex::~RwMutex() { vigil_probe_lock_destroy(this, state_.load(std::memory_order_relaxed) != 0 ? 1 : 0); }

// ---- the read side -----------------------------------------------------------------------------------------------

bool RwMutex::try_lock_shared_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  while ((seen & (kWriter | kWritersWait)) == 0) {
    // acquire: pairs with the release of unlock(), here and below.
    if (!state_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed))
      continue;
    vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_SHARED | VIGIL_LOCK_TRIED);
    return true;
  }
  static_cast<void>(who_acts());
  return false;
}

void RwMutex::lock_shared_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & (kWriter | kWritersWait)) != 0) {
      lock_shared_slow();
      break;
    }
    if (state_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) break;
  }
  vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_SHARED);
}

void RwMutex::lock_shared_slow() {
  Inside inside;
  SpinLock& queue_lock = SpinLock::of(queue_lock_);
  queue_lock.lock();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    const bool free = (seen & (kWriter | kWritersWait)) == 0;
    const std::uint32_t wanted = free ? seen + kReader : seen | kReadersWait;
    if (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) continue;
    if (!free) break;
    queue_lock.unlock();
    return;
  }
  Waiter waiter{.actor = &inside.actor()};
  WaitQueue(readers_).push_back(waiter);
  detail::wait_for_object(inside.actor(), VIGIL_WAIT_RW_READ, this);
  vigil_probe_lock_wait(inside.probe(), this, VIGIL_LOCK_SHARED);
  detail::park(inside, detail::unlock_after(queue_lock));
}

void RwMutex::unlock_shared_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  if (readers_of(seen) == 0) panic_unlock_shared();
  vigil_probe_lock_release(who(), this, VIGIL_LOCK_SHARED);
  for (;;) {
    if (readers_of(seen) == 0) panic_unlock_shared();  // another came between: both were called, one lock was held
    if ((seen & kWritersWait) != 0) {
      unlock_shared_slow();
      return;
    }
    // release: pairs with the acquire of the writer's lock(). With kReadersWait but no writer there would be nobody to
    // hold the readers back, so that bit cannot be set alone (I3).
    if (state_.compare_exchange_weak(seen, seen - kReader, std::memory_order_release, std::memory_order_relaxed))
      return;
  }
}

// Writers wait: the last reader hands the lock to the first of them.
void RwMutex::unlock_shared_slow() {
  Inside inside;
  Waiter* writer = nullptr;
  {
    const SpinGuard held(SpinLock::of(queue_lock_));
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    std::uint32_t wanted = 0;
    const bool only_one_waits = writers_.first == writers_.last;
    do {
      if (readers_of(seen) == 0) panic_unlock_shared();
      wanted = seen - kReader;
      if (readers_of(wanted) == 0 && (wanted & kWritersWait) != 0)
        wanted = (only_one_waits ? wanted & ~kWritersWait : wanted) | kWriter;
      // acq_rel: what the earlier readers released goes on to the writer.
    } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel, std::memory_order_relaxed));
    if ((wanted & kWriter) != 0) writer = WaitQueue(writers_).pop();
  }
  if (writer != nullptr) detail::wake(inside.record(), *writer);
}

// ---- the write side ----------------------------------------------------------------------------------------------

bool RwMutex::try_lock_outlined() {
  detail::choice_point();
  std::uint32_t free = 0;
  if (!state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire, std::memory_order_relaxed)) {
    static_cast<void>(who_acts());
    return false;
  }
  vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TWO_SIDED | VIGIL_LOCK_TRIED);
  return true;
}

void RwMutex::lock_outlined() {
  detail::choice_point();
  std::uint32_t free = 0;
  if (!state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire, std::memory_order_relaxed)) lock_slow();
  vigil_probe_lock_taken(who_acts(), this, VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TWO_SIDED);
}

void RwMutex::lock_slow() {
  Inside inside;
  SpinLock& queue_lock = SpinLock::of(queue_lock_);
  queue_lock.lock();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint32_t wanted = seen == 0 ? kWriter : seen | kWritersWait;
    if (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acquire, std::memory_order_relaxed)) continue;
    if (seen != 0) break;
    queue_lock.unlock();
    return;
  }
  Waiter waiter{.actor = &inside.actor()};
  WaitQueue(writers_).push_back(waiter);
  detail::wait_for_object(inside.actor(), VIGIL_WAIT_RW_WRITE, this);
  vigil_probe_lock_wait(inside.probe(), this, VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TWO_SIDED);
  detail::park(inside, detail::unlock_after(queue_lock));
}

void RwMutex::unlock_outlined() {
  detail::choice_point();
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  if ((seen & kWriter) == 0) panic_unlock();
  vigil_probe_lock_release(who(), this, VIGIL_LOCK_EXCLUSIVE);
  std::uint32_t alone = kWriter;
  if (!state_.compare_exchange_strong(alone, 0, std::memory_order_release, std::memory_order_relaxed)) unlock_slow();
}

// All waiting readers at once, else the next writer.
void RwMutex::unlock_slow() {
  Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(queue_lock_));
    // With kWriter set only queue_lock_'s holder changes the word, and unlock() of another, which is a misuse.
    std::uint32_t wanted = 0;
    if ((state_.load(std::memory_order_relaxed) & kWriter) == 0) panic_unlock();
    WaitQueue readers(readers_);
    WaitQueue writers(writers_);
    while (Waiter* const reader = readers.pop()) {
      woken.add(*reader);
      wanted += kReader;
    }
    if (wanted == 0) {
      if (Waiter* const writer = writers.pop(); writer != nullptr) {
        woken.add(*writer);
        wanted = kWriter;
      }
    }
    if (!writers.empty()) wanted |= kWritersWait;
    state_.store(wanted, std::memory_order_release);
  }
  detail::wake_all(inside.record(), woken);
}

// ---- misuse ------------------------------------------------------------------------------------------------------

void RwMutex::panic_unlock() {
  vigil_probe_lock_misuse(who(), this, VIGIL_LOCK_EXCLUSIVE);
  throw Panic("unlock of unlocked RwMutex");
}

void RwMutex::panic_unlock_shared() {
  vigil_probe_lock_misuse(who(), this, VIGIL_LOCK_SHARED);
  throw Panic("unlock_shared of unlocked RwMutex");
}

}  // namespace vigil
