// RwMutex: many readers or one writer, parking the task and not its thread. Fits std::shared_lock, std::unique_lock,
// std::scoped_lock.
#pragma once

#include <atomic>
#include <cstdint>

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
  VIGIL_EXPORT void lock();
  // Locks if that needs no wait; says whether it did.
  [[nodiscard]] VIGIL_EXPORT bool try_lock();
  // Throws Panic ("unlock of unlocked RwMutex") when no writer has it.
  VIGIL_EXPORT void unlock();

  // The read side. Parks the caller while a writer has it or waits for it. Cost without a writer: one compare-and-swap.
  VIGIL_EXPORT void lock_shared();
  [[nodiscard]] VIGIL_EXPORT bool try_lock_shared();
  // Throws Panic ("unlock_shared of unlocked RwMutex") when no reader has it.
  VIGIL_EXPORT void unlock_shared();

 private:
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
