// Timer, Ticker, after(), after_func(), sleep_until(): time that comes through channels. Source: Go package time, with
// the rules for stop() and reset() that held before Go 1.23 (a tick that was sent stays in the channel).
//
// Timers and tickers are handles: copies are the same timer, and moving one copies it. Dropping the last handle does
// not stop it, as in Go: a timer still fires, and a ticker that nobody stops ticks as long as the program runs. All may
// be used from tasks and plain threads. Ordering: setting a timer happens before what it sends or calls.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "vigil/channel.hpp"
#include "vigil/detail/duration.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/job.hpp"
#include "vigil/task.hpp"

namespace vigil {

// What a timer sends: when it fired.
using TimePoint = std::chrono::steady_clock::time_point;

namespace detail {

class TimerCore;

// A counted reference to a timer; never empty.
class TimerHandle {
 public:
  explicit TimerHandle(TimerCore* adopted) noexcept : core_(adopted) {}
  VIGIL_EXPORT TimerHandle(const TimerHandle& other) noexcept;
  VIGIL_EXPORT TimerHandle& operator=(const TimerHandle& other) noexcept;
  VIGIL_EXPORT ~TimerHandle();
  [[nodiscard]] TimerCore& core() const noexcept { return *core_; }

 private:
  TimerCore* core_;
};

// period_ns 0: fires once. channel has capacity 1; a tick that finds it full is dropped.
[[nodiscard]] VIGIL_EXPORT TimerHandle make_timer(const Channel<TimePoint>& channel, std::int64_t first_ns,
                                                  std::int64_t period_ns);
[[nodiscard]] VIGIL_EXPORT TimerHandle make_timer(Job job, std::int64_t first_ns);
VIGIL_EXPORT bool stop_timer(TimerCore& timer);
VIGIL_EXPORT bool reset_timer(TimerCore& timer, std::int64_t first_ns, std::int64_t period_ns);
VIGIL_EXPORT void demand_period(std::int64_t period_ns, const char* otherwise);

}  // namespace detail

// Fires once: sends the time on channel(), or, when after_func() made it, starts a task.
class Timer {
 public:
  // Sends after at least `duration`; at once when it is zero or negative.
  template <class Rep, class Period>
  explicit Timer(std::chrono::duration<Rep, Period> duration)
      : channel_(1), handle_(detail::make_timer(channel_, detail::to_ns(duration), 0)) {}

  Timer(const Timer&) noexcept = default;
  Timer& operator=(const Timer&) noexcept = default;
  ~Timer() = default;

  // Capacity 1; nil for a timer of after_func(). Never closed.
  [[nodiscard]] ReceiveChannel<TimePoint> channel() const noexcept { return channel_; }

  // Keeps the timer from firing. True: it was going to; false: it had fired, or been stopped. Does not drain the
  // channel nor wait for a function that has been started.
  bool stop() const { return detail::stop_timer(handle_.core()); }  // NOLINT(modernize-use-nodiscard): often ignored
  // Fires after `duration` from now. True: it had been going to fire. For a timer with a channel call it only when it
  // has been stopped or has fired and the channel is drained; else an old tick may be received for a new one.
  template <class Rep, class Period>
  // NOLINTNEXTLINE(modernize-use-nodiscard): often ignored
  bool reset(std::chrono::duration<Rep, Period> duration) const {
    return detail::reset_timer(handle_.core(), detail::to_ns(duration), 0);
  }

 private:
  template <class Rep, class Period, std::invocable Function>
  friend Timer after_func(std::chrono::duration<Rep, Period> duration, Function&& function);
  explicit Timer(const detail::TimerHandle& handle) noexcept : handle_(handle) {}

  Channel<TimePoint> channel_;
  detail::TimerHandle handle_;
};

// Sends the time on channel() again and again. Ticks are dropped for a slow receiver.
class Ticker {
 public:
  // Throws Panic ("non-positive interval for Ticker") unless period > 0.
  template <class Rep, class Period>
  explicit Ticker(std::chrono::duration<Rep, Period> period)
      : channel_(1), handle_(detail::make_timer(channel_, checked(detail::to_ns(period)), detail::to_ns(period))) {}

  Ticker(const Ticker&) noexcept = default;
  Ticker& operator=(const Ticker&) noexcept = default;
  ~Ticker() = default;

  // Capacity 1. stop() does not close it, so that no receiver mistakes the stop for a tick.
  [[nodiscard]] ReceiveChannel<TimePoint> channel() const noexcept { return channel_; }

  // No tick is sent once this has returned; one sent before may still be in the channel.
  void stop() const { detail::stop_timer(handle_.core()); }
  // The next tick comes after `period`, and so on; also after stop(). Throws Panic unless period > 0.
  template <class Rep, class Period>
  void reset(std::chrono::duration<Rep, Period> period) const {
    const std::int64_t period_ns = checked(detail::to_ns(period));
    detail::reset_timer(handle_.core(), period_ns, period_ns);
  }

 private:
  static std::int64_t checked(std::int64_t period_ns) {
    detail::demand_period(period_ns, "non-positive interval for Ticker");
    return period_ns;
  }

  Channel<TimePoint> channel_;
  detail::TimerHandle handle_;
};

// A channel on which the time is sent once, after at least `duration`. The timer lives until it fires.
template <class Rep, class Period>
[[nodiscard]] ReceiveChannel<TimePoint> after(std::chrono::duration<Rep, Period> duration) {
  return Timer(duration).channel();
}

// Calls function in a task of its own after at least `duration`. stop() of the timer it returns is false once that task
// has been started; reset() makes it run again. Throws Panic when function is null, as go() does.
template <class Rep, class Period, std::invocable Function>
Timer after_func(std::chrono::duration<Rep, Period> duration, Function&& function) {
  return Timer(detail::make_timer(detail::Job(std::forward<Function>(function)), detail::to_ns(duration)));
}

// Parks the caller until `when`; returns at once when it is over. A clock that is set while waiting is not noticed.
template <class Clock, class Duration>
void sleep_until(std::chrono::time_point<Clock, Duration> when) {
  detail::sleep_ns(detail::until_ns(when));
  detail::keep_callers_frame();
}

}  // namespace vigil
