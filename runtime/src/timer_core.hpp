// TimerCore: a deadline that can be set, moved and taken back, and what happens when it is over.
//
// Invariants, whenever lock_ is free:
//   I1  armed_   what happens is still to happen: stop() would prevent it.
//   I2  armed_   implies that the call is pending (timer_heap.hpp).
//   I3  references_ counts the handles, and one for the heap while the call is pending.
// Locks in this order: a context's, the timer's, a channel's, the heap's.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/src/spin_lock.hpp"
#include "runtime/src/thread_record.hpp"
#include "runtime/src/timer_heap.hpp"
#include "runtime/src/waiter.hpp"

namespace vigil::detail {

class TimerCore : private TimedCall {
 public:
  // keeps_users: what goes with the timer is the user's, so that a watcher is told who comes last.
  explicit TimerCore(bool keeps_users = false) noexcept : keeps_users_(keeps_users) { call = &TimerCore::on_due; }
  TimerCore(const TimerCore&) = delete;
  TimerCore& operator=(const TimerCore&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }  // the caller has one already
  void release() noexcept;

  // period_ns 0: once. Returns whether it was armed before.
  bool arm(std::uint64_t first_deadline_ns, std::int64_t period_ns);
  // Returns whether it was armed: then what was to happen does not.
  bool disarm() noexcept;

 protected:
  virtual ~TimerCore() = default;

 private:
  // Under lock_, inside: must not call anything that enters again. May add to `woken`.
  virtual void fire_locked(Inside& inside, WakeList& woken) noexcept = 0;
  // After that, outside and without locks. May start tasks.
  virtual void fire() noexcept {}

  static void on_due(TimedCall& self) noexcept;
  void be_called() noexcept;
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;

  SpinLock lock_;
  const bool keeps_users_;
  bool armed_ = false;          // guarded by lock_
  std::int64_t period_ns_ = 0;  // guarded by lock_
  std::atomic<std::uint32_t> references_{1};
};

}  // namespace vigil::detail
