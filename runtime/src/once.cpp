#include "vigil/once.hpp"

#include "runtime/src/choice.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"

namespace vigil {
namespace {

using detail::Inside;
using detail::SpinGuard;
using detail::SpinLock;
using detail::Waiter;
using detail::WaitQueue;

// The only moves: kIdle, kRunning, kDone, in this order, each under lock_.
constexpr std::uint32_t kIdle = 0;
constexpr std::uint32_t kRunning = 1;
constexpr std::uint32_t kDone = 2;

using detail::who_acts;

}  // namespace

Once::~Once() { vigil_probe_sync_destroy(this); }

bool Once::begin() {
  detail::choice_point();
  // acquire: pairs with the release in end(): what f did is visible to whoever returns.
  if (state_.load(std::memory_order_acquire) != kDone && begin_slow()) return true;
  vigil_probe_acquire(who_acts(), this);
  return false;
}

// False: f has ended.
bool Once::begin_slow() {
  Inside inside;
  SpinLock& lock = SpinLock::of(lock_);
  lock.lock();
  const std::uint32_t seen = state_.load(std::memory_order_relaxed);
  if (seen == kRunning) {
    Waiter waiter{.actor = &inside.actor()};
    WaitQueue(waiting_).push_back(waiter);
    detail::wait_for_object(inside.actor(), VIGIL_WAIT_ONCE, this);
    detail::park(inside, detail::unlock_after(lock));
    return false;
  }
  if (seen == kIdle) state_.store(kRunning, std::memory_order_relaxed);
  lock.unlock();
  return seen == kIdle;
}

void Once::end() {
  Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(lock_));
    vigil_probe_release(inside.probe(), this);
    state_.store(kDone, std::memory_order_release);
    WaitQueue waiting(waiting_);
    while (Waiter* const waiter = waiting.pop()) woken.add(*waiter);
  }
  detail::wake_all(inside.record(), woken);
}

}  // namespace vigil
