// Mutex: mutual exclusion that parks the task, not its thread. Fits std::lock_guard, std::unique_lock,
// std::scoped_lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil {

// Has no owner, as in Go: one task may lock it and another unlock it. Not reentrant: who locks it twice waits until
// somebody else unlocks it, perhaps for ever. Cannot be copied.
// Ordering: an unlock happens before every later lock. Source: sync.Mutex.
// Fairness: newcomers may overtake; a waiter that was overtaken for 1 ms gets the lock handed over.
class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  // Destroying a locked one is a defect; a watcher is told. Who waits for it waits for ever.
  VIGIL_EXPORT ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Parks the caller while the mutex is locked. Cost when free: one atomic exchange.
  [[gnu::always_inline]] void lock() {
    lock_outlined();
    detail::keep_callers_frame();
  }
  // Locks if that needs no wait; says whether it did.
  [[nodiscard, gnu::always_inline]] bool try_lock() {
    const bool taken = try_lock_outlined();
    detail::keep_callers_frame();
    return taken;
  }
  // Throws Panic ("unlock of unlocked mutex") when it is not locked.
  [[gnu::always_inline]] void unlock() {
    unlock_outlined();
    detail::keep_callers_frame();
  }

 private:
  VIGIL_EXPORT void lock_outlined();
  [[nodiscard]] VIGIL_EXPORT bool try_lock_outlined();
  VIGIL_EXPORT void unlock_outlined();
  [[nodiscard]] bool spin(bool& announced) noexcept;
  void lock_slow();
  void unlock_slow();

  std::atomic<std::uint32_t> state_{0};  // bits, see mutex.cpp
  detail::SpinLockWord queue_lock_;
  detail::WaitQueueHead waiting_;  // guarded by queue_lock_
};

}  // namespace vigil
