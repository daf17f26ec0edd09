// Cond. A waiter joins the queue before it gives up the user's lock, and parks after: unlock() is the user's code and
// may itself use primitives. A notify that finds it in between only marks it; it then does not park.
#include "vigil/cond.hpp"

#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"

namespace vigil {
namespace {

using detail::Inside;
using detail::SpinGuard;
using detail::SpinLock;
using detail::Waiter;
using detail::WaitQueue;

struct CondWaiter : Waiter {
  bool parked = false;  // guarded by the cond's lock_; notified is Waiter::satisfied
};

// The edge goes through the waiter and not through the cond, so that it orders a notify with the wait it ends only.
void notify(Inside& inside, Waiter& waiter, detail::WakeList& woken) noexcept {
  vigil_probe_release(inside.probe(), &waiter);
  waiter.satisfied = true;
  if (static_cast<CondWaiter&>(waiter).parked) woken.add(waiter);
}

}  // namespace

void Cond::wait_with(void* lock, void (*unlock)(void*), void (*relock)(void*)) {
  CondWaiter waiter;
  SpinLock& queue_lock = SpinLock::of(lock_);
  {
    const Inside inside;
    waiter.actor = &inside.actor();
    const SpinGuard held(queue_lock);
    WaitQueue(waiting_).push_back(waiter);
  }
  try {
    unlock(lock);
  } catch (...) {
    const Inside inside;
    const SpinGuard held(queue_lock);
    if (waiter.queued) WaitQueue(waiting_).remove(waiter);
    throw;
  }
  {
    Inside inside;
    queue_lock.lock();
    if (waiter.satisfied) {
      queue_lock.unlock();
    } else {
      waiter.parked = true;
      detail::wait_for_object(inside.actor(), VIGIL_WAIT_COND, this);
      detail::park(inside, detail::unlock_after(queue_lock));
    }
    vigil_probe_acquire(inside.probe(), &waiter);
    vigil_probe_sync_destroy(&waiter);
  }
  relock(lock);
}

void Cond::notify_one() {
  Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(lock_));
    if (Waiter* const waiter = WaitQueue(waiting_).pop(); waiter != nullptr) notify(inside, *waiter, woken);
  }
  detail::wake_all(inside.record(), woken);
}

void Cond::notify_all() {
  Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(lock_));
    WaitQueue waiting(waiting_);
    while (Waiter* const waiter = waiting.pop()) notify(inside, *waiter, woken);
  }
  detail::wake_all(inside.record(), woken);
}

}  // namespace vigil
