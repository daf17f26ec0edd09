#include "vigil/wait_group.hpp"

#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "vigil/panic.hpp"

namespace vigil {

using detail::Inside;
using detail::SpinGuard;
using detail::SpinLock;
using detail::Waiter;
using detail::WaitQueue;

WaitGroup::~WaitGroup() { vigil_probe_wait_group_destroy(this); }

void WaitGroup::add_outlined(std::int64_t delta) {
  const Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(lock_));
    std::int64_t after = 0;
    if (__builtin_add_overflow(counter_, delta, &after) || after < 0) {
      vigil_probe_wait_group_negative(inside.probe(), this, delta);
      throw Panic("negative WaitGroup counter");
    }
    counter_ = after;
    vigil_probe_wait_group_add(inside.probe(), this, delta, after);
    if (after == 0) {
      WaitQueue queue(waiting_);
      while (Waiter* const waiter = queue.pop()) {
        vigil_probe_wait_group_wait(&waiter->actor->probe, this);  // its wait() returns from here
        woken.add(*waiter);
      }
    }
  }
  detail::wake_all(inside.record(), woken);
}

void WaitGroup::wait_outlined() {
  Inside inside;
  SpinLock& lock = SpinLock::of(lock_);
  lock.lock();
  if (counter_ == 0) {
    vigil_probe_wait_group_wait(inside.probe(), this);
    lock.unlock();
    return;
  }
  Waiter waiter{.actor = &inside.actor()};
  WaitQueue(waiting_).push_back(waiter);
  detail::wait_for_object(inside.actor(), VIGIL_WAIT_WAIT_GROUP, this);
  detail::park(inside, detail::unlock_after(lock));
}

}  // namespace vigil
