// What the timers of timer.hpp do when their time is over: send on a channel, or start a task.
#include "vigil/timer.hpp"

#include "runtime/src/channel_core.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/timer_core.hpp"
#include "vigil/panic.hpp"

namespace vigil::detail {
namespace {

// Sends when there is room, else drops the tick.
class SendingTimer final : public TimerCore {
 public:
  explicit SendingTimer(const Channel<TimePoint>& channel) noexcept : channel_(channel) {}

 private:
  ~SendingTimer() override {
    vigil_probe_timer_destroy(this);
    vigil_probe_sync_destroy(this);
  }

  void fire_locked(Inside& inside, WakeList& woken) noexcept override {
    vigil_probe_timer_fire(inside.probe(), this);
    vigil_probe_acquire(inside.probe(), this);
    ChannelCore& channel = *core_of(channel_);
    TimePoint now{std::chrono::nanoseconds(now_ns())};
    const SpinGuard held(channel.lock());
    const ChannelCore::Outcome outcome = channel.send_locked(inside, &now);
    if (outcome.to_wake != nullptr) woken.add(*outcome.to_wake);
  }

  const Channel<TimePoint> channel_;
};

class CallingTimer final : public TimerCore {
 public:
  explicit CallingTimer(Job job) noexcept : TimerCore(true), job_(std::move(job)) {}

 private:
  ~CallingTimer() override {
    vigil_probe_timer_destroy(this);
    vigil_probe_sync_destroy(this);
  }

  void fire_locked(Inside& inside, WakeList& /*woken*/) noexcept override {
    vigil_probe_timer_fire(inside.probe(), this);
    vigil_probe_acquire(inside.probe(), this);
  }
  void fire() noexcept override {
    retain();
    go([self = TimerHandle(this)] { static_cast<const CallingTimer&>(self.core()).job_(); });
  }

  const Job job_;
};

TimerHandle start(TimerCore* timer, std::uint32_t kind, const void* channel, std::int64_t first_ns,
                  std::int64_t period_ns) {
  TimerHandle handle(timer);
  const std::uint64_t deadline_ns = deadline_after(first_ns);
  vigil_probe_timer_make(who_acts(), timer, kind, channel);
  vigil_probe_timer_start(who(), timer, deadline_ns, static_cast<std::uint64_t>(period_ns));
  vigil_probe_release(who(), timer);
  timer->arm(deadline_ns, period_ns);
  return handle;
}

}  // namespace

TimerHandle::TimerHandle(const TimerHandle& other) noexcept : core_(other.core_) { core_->retain(); }
TimerHandle& TimerHandle::operator=(const TimerHandle& other) noexcept {  // NOLINT(bugprone-unhandled-self-assignment)
  other.core_->retain();                                                  // first: other may be this one
  std::exchange(core_, other.core_)->release();
  return *this;
}
TimerHandle::~TimerHandle() { core_->release(); }

TimerHandle make_timer(const Channel<TimePoint>& channel, std::int64_t first_ns, std::int64_t period_ns) {
  return start(new SendingTimer(channel), period_ns == 0 ? VIGIL_TIMER_ONCE : VIGIL_TIMER_TICKER, core_of(channel),
               first_ns, period_ns);
}

TimerHandle make_timer(Job job, std::int64_t first_ns) {
  return start(new CallingTimer(std::move(job)), VIGIL_TIMER_CALL, nullptr, first_ns, 0);
}

bool stop_timer(TimerCore& timer) {
  const bool was_armed = timer.disarm();
  vigil_probe_timer_stop(who_acts(), &timer, was_armed ? 1 : 0);
  return was_armed;
}

bool reset_timer(TimerCore& timer, std::int64_t first_ns, std::int64_t period_ns) {
  const std::uint64_t deadline_ns = deadline_after(first_ns);
  vigil_probe_timer_start(who_acts(), &timer, deadline_ns, static_cast<std::uint64_t>(period_ns));
  vigil_probe_release(who(), &timer);
  return timer.arm(deadline_ns, period_ns);
}

void demand_period(std::int64_t period_ns, const char* otherwise) {
  if (period_ns <= 0) throw Panic(otherwise);
}

}  // namespace vigil::detail
