// RwMutex: many readers or one writer, parking the task and not its thread. Fits std::shared_lock, std::unique_lock,
// std::scoped_lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil {

// Has no owner, as in Go: one task may lock it and another unlock it. Cannot be copied. Source: sync.RWMutex.
// A waiting writer holds back new readers, so a reader must not lock it a second time: that deadlocks as soon as a
// writer comes between. Who locks the write side twice waits for somebody else to unlock it. When a writer unlocks, all
// readers that wait by then go first, then the next writer, in order of arrival. Ordering: an unlock happens before
// every later lock of either side; an unlock_shared before every later lock.
class RwMutex {
 public:
  constexpr RwMutex() noexcept = default;
  // Destroying a locked one is a defect; a watcher is told. Who waits for it waits for ever.
  VIGIL_EXPORT ~RwMutex();
  RwMutex(const RwMutex&) = delete;
  RwMutex& operator=(const RwMutex&) = delete;

  // The write side. Parks the caller while anybody has either side.
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
  // Throws Panic ("unlock of unlocked RwMutex") when no writer has it.
  [[gnu::always_inline]] void unlock() {
    unlock_outlined();
    detail::keep_callers_frame();
  }

  // The read side. Parks the caller while a writer has it or waits for it. Cost without a writer: one compare-and-swap.
  [[gnu::always_inline]] void lock_shared() {
    lock_shared_outlined();
    detail::keep_callers_frame();
  }
  [[nodiscard, gnu::always_inline]] bool try_lock_shared() {
    const bool taken = try_lock_shared_outlined();
    detail::keep_callers_frame();
    return taken;
  }
  // Throws Panic ("unlock_shared of unlocked RwMutex") when no reader has it.
  [[gnu::always_inline]] void unlock_shared() {
    unlock_shared_outlined();
    detail::keep_callers_frame();
  }

 private:
  VIGIL_EXPORT void lock_outlined();
  [[nodiscard]] VIGIL_EXPORT bool try_lock_outlined();
  VIGIL_EXPORT void unlock_outlined();
  VIGIL_EXPORT void lock_shared_outlined();
  [[nodiscard]] VIGIL_EXPORT bool try_lock_shared_outlined();
  VIGIL_EXPORT void unlock_shared_outlined();
  void lock_slow();
  void unlock_slow();
  void lock_shared_slow();
  void unlock_shared_slow();
  [[noreturn]] void panic_unlock();
  [[noreturn]] void panic_unlock_shared();

  std::atomic<std::uint32_t> state_{0};  // bits and a count, see rw_mutex.cpp
  detail::SpinLockWord queue_lock_;
  detail::WaitQueueHead readers_;  // guarded by queue_lock_
  detail::WaitQueueHead writers_;  // guarded by queue_lock_
};

}  // namespace vigil
