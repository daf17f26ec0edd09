#include "runtime/src/timer_core.hpp"

#include "runtime/src/clock.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"

namespace vigil::detail {

void TimerCore::release() noexcept {
  if (keeps_users_) vigil_probe_let_go(who(), &references_);
  // acq_rel: what every holder did happens before it is taken apart.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (keeps_users_) vigil_probe_take_apart(who(), &references_);
  delete this;
}

bool TimerCore::arm(std::uint64_t first_deadline_ns, std::int64_t period_ns) {
  bool was_armed = false;
  {
    const SpinGuard held(lock_);
    if (scheduler().timers.arm(*this, first_deadline_ns)) retain();
    was_armed = armed_;
    armed_ = true;
    period_ns_ = period_ns;
  }
  scheduler().timer_added(first_deadline_ns);
  return was_armed;
}

bool TimerCore::disarm() noexcept {
  bool was_armed = false;
  bool ended = false;
  {
    const SpinGuard held(lock_);
    ended = scheduler().timers.disarm(*this);
    was_armed = armed_;
    armed_ = false;
  }
  if (ended) release();
  return was_armed;
}

void TimerCore::on_due(TimedCall& self) noexcept { static_cast<TimerCore&>(self).be_called(); }

// The next whole period that is not over: ticks nobody could have taken in time are dropped, as in Go.
std::uint64_t TimerCore::next_deadline() const noexcept {
  const auto period = static_cast<std::uint64_t>(period_ns_);
  const std::uint64_t now = now_ns();
  const std::uint64_t late = now > deadline_ns ? now - deadline_ns : 0;
  return deadline_ns + period * (1 + late / period);
}

void TimerCore::be_called() noexcept {
  bool fires = false;
  bool ended = false;
  {
    Inside inside;
    WakeList woken;
    {
      const SpinGuard held(lock_);
      ended = scheduler().timers.begin_call(*this);
      fires = armed_ && ended;  // armed again meanwhile: its time is still to come
      if (fires) {
        fire_locked(inside, woken);
        if (period_ns_ == 0)
          armed_ = false;
        else if (scheduler().timers.arm(*this, next_deadline()))
          retain();
      }
    }
    wake_all(inside.record(), woken);
  }
  if (fires) fire();
  if (ended) release();
}

}  // namespace vigil::detail
