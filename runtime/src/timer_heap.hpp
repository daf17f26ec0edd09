// TimerHeap: the deadlines of parked tasks, earliest first. A 4-ary heap: half the levels of a binary one, and the four
// children share a cache line or two.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/src/clock.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/waiter.hpp"

namespace vigil::detail {

// One deadline. Lies on the waiting task's stack.
struct Timer {
  static constexpr std::size_t kNotQueued = SIZE_MAX;
  std::uint64_t deadline_ns = 0;
  Waiter waiter;                   // whom to wake, if the timeout wins its race
  std::size_t place = kNotQueued;  // in the heap; guarded by the heap's lock
};

class TimerHeap {
 public:
  // The lock outlives add() where the caller parks: it is released once the caller's context is saved.
  SpinLock& lock() noexcept { return lock_; }
  void add_locked(Timer& timer);
  // Afterwards nobody touches the timer any more.
  void cancel(Timer& timer) noexcept;
  // Takes out what is due; those whose timeout has won are added to `woken`.
  void expire(std::uint64_t now, WakeList& woken) noexcept;

  // kNoDeadline when there is none. seq_cst: ordered with the keeper's announcement of how long it sleeps
  // (scheduler.cpp).
  [[nodiscard]] std::uint64_t earliest() const noexcept { return earliest_.load(std::memory_order_seq_cst); }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  void place_at(std::size_t at, Timer& timer) noexcept;
  void sift_up(std::size_t at, Timer& timer) noexcept;
  void sift_down(std::size_t at, Timer& timer) noexcept;
  void remove_locked(Timer& timer) noexcept;
  void publish_locked() noexcept;

  SpinLock lock_;
  std::vector<Timer*> heap_;                          // guarded by lock_
  std::atomic<std::uint64_t> earliest_{kNoDeadline};  // written under lock_
  std::atomic<std::size_t> size_{0};                  // written under lock_; a count for watchers, no data rides on it
};

}  // namespace vigil::detail
