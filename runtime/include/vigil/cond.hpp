// Cond: waits for a change that others announce, with any lock.
#pragma once

#include <concepts>
#include <cstdint>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil {

// What wait() takes: Mutex, RwMutex (its write side), std::unique_lock, std::shared_lock<RwMutex> (the read side) ...
template <class Lock>
concept BasicLockable = requires(Lock& lock) {
  lock.lock();
  lock.unlock();
};

// Cannot be copied. Needs no lock at construction: each wait() names its own. Source: sync.Cond.
// Ordering: a notify happens before the return of the wait() that it ends.
// Notifying remembers nothing: who is not waiting yet does not hear of it. Nobody wakes without having been notified.
class Cond {
 public:
  constexpr Cond() noexcept = default;
  // Demands that nobody waits: who does waits for ever.
  ~Cond() = default;
  Cond(const Cond&) = delete;
  Cond& operator=(const Cond&) = delete;

  // Joins the queue, unlocks `lock`, parks the caller until notified, and locks again. A notify that comes after the
  // unlock is not missed. Demands that the caller holds `lock`; what its unlock() throws leaves wait(), which then
  // waits no more.
  template <BasicLockable Lock>
  void wait(Lock& lock) {
    wait_with(
        &lock, [](void* held) { static_cast<Lock*>(held)->unlock(); },
        [](void* held) { static_cast<Lock*>(held)->lock(); });
    detail::keep_callers_frame();
  }
  // Until ready() holds; looks before it waits. ready() is called with `lock` locked.
  template <BasicLockable Lock, std::predicate Ready>
  void wait(Lock& lock, Ready ready) {
    while (!ready()) wait(lock);
  }

  // Ends the wait of the one that has waited longest, if there is one. The caller may hold the lock, and need not.
  VIGIL_EXPORT void notify_one();
  // Ends the wait of all that wait now.
  VIGIL_EXPORT void notify_all();

 private:
  VIGIL_EXPORT void wait_with(void* lock, void (*unlock)(void*), void (*relock)(void*));

  detail::SpinLockWord lock_;
  detail::WaitQueueHead waiting_;  // guarded by lock_
};

}  // namespace vigil
