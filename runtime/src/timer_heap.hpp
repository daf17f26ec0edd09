// TimerHeap: the deadlines of parked tasks and of calls, earliest first. A 4-ary heap: half the levels of a binary one,
// and the four children share a cache line or two.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/src/clock.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/waiter.hpp"

namespace vigil::detail {

// One deadline. Of a parked task it lies on that task's stack; without an actor it is a TimedCall.
struct Timer {
  static constexpr std::size_t kNotQueued = SIZE_MAX;
  std::uint64_t deadline_ns = 0;
  Waiter waiter;                   // whom to wake, if the timeout wins its race
  std::size_t place = kNotQueued;  // in the heap; guarded by the heap's lock
};

// What is to be called when its deadline is over: Timer, Ticker, a context's deadline. It is "pending" while it is in
// the heap or in somebody's list of due calls, or both (armed again before the call came). Each change says whether
// that began or ended, so that its owner can count one reference for it.
struct TimedCall : Timer {
  void (*call)(TimedCall& self) noexcept = nullptr;  // by whoever fires timers, outside the heap's lock
  TimedCall* next_due = nullptr;                     // guarded by the heap's lock, then the firing worker's own
  bool is_due = false;                               // in a list of due calls; guarded by the heap's lock
};

class TimerHeap {
 public:
  // The lock outlives add() where the caller parks: it is released once the caller's context is saved.
  SpinLock& lock() noexcept { return lock_; }
  void add_locked(Timer& timer);
  // Afterwards nobody touches the timer any more.
  void cancel(Timer& timer) noexcept;
  // Takes out what is due. Parked tasks whose timeout has won are added to `woken`; the due calls are returned, in
  // order, linked through next_due.
  [[nodiscard]] TimedCall* expire(std::uint64_t now, WakeList& woken) noexcept;

  // Sets the call's deadline, whether it had one or not. True: it has become pending.
  [[nodiscard]] bool arm(TimedCall& call, std::uint64_t deadline_ns);
  // Takes it out of the heap. True: it is no longer pending.
  [[nodiscard]] bool disarm(TimedCall& call) noexcept;
  // First thing in call->call(). True: it is no longer pending; false: it was armed again before, and is in the heap.
  [[nodiscard]] bool begin_call(TimedCall& call) noexcept;

  // Around expire() and all that comes of it, so that a watcher never sees less than there is to come.
  void begin_firing() noexcept { firing_.fetch_add(1, std::memory_order_seq_cst); }
  void end_firing() noexcept { firing_.fetch_sub(1, std::memory_order_release); }

  // kNoDeadline when there is none. seq_cst: ordered with the keeper's announcement of how long it sleeps
  // (scheduler.cpp).
  [[nodiscard]] std::uint64_t earliest() const noexcept { return earliest_.load(std::memory_order_seq_cst); }
  // Those being fired count until their effect is done. acquire: with the release of end_firing(), so that who sees
  // none sees what they have set going.
  [[nodiscard]] std::size_t size() const noexcept {
    const std::size_t queued = size_.load(std::memory_order_acquire);
    return queued + firing_.load(std::memory_order_acquire);
  }

 private:
  void place_at(std::size_t at, Timer& timer) noexcept;
  void sift_up(std::size_t at, Timer& timer) noexcept;
  void sift_down(std::size_t at, Timer& timer) noexcept;
  void remove_locked(Timer& timer) noexcept;
  void publish_locked() noexcept;

  SpinLock lock_;
  std::vector<Timer*> heap_;                          // guarded by lock_
  std::atomic<std::uint64_t> earliest_{kNoDeadline};  // written under lock_
  std::atomic<std::size_t> size_{0};                  // written under lock_
  std::atomic<std::size_t> firing_{0};                // workers that fire timers
};

}  // namespace vigil::detail
