// Durations of any unit as nanoseconds that no addition to a clock can overflow.
#pragma once

#include <chrono>
#include <cstdint>

namespace vigil::detail {

// Clamped to 146 years either way, which is for ever. What is no number is over.
template <class Rep, class Period>
[[nodiscard]] constexpr std::int64_t to_ns(std::chrono::duration<Rep, Period> duration) noexcept {
  using Nanoseconds = std::chrono::duration<long double, std::nano>;
  constexpr long double kForever = 4611686018427387904.0L;  // 2^62
  const long double wanted = std::chrono::duration_cast<Nanoseconds>(duration).count();
  if (wanted >= kForever) return std::int64_t{1} << 62;
  if (!(wanted > -kForever)) return -(std::int64_t{1} << 62);
  return static_cast<std::int64_t>(wanted);
}

// How long from now until `when`, on its own clock; negative when it is over.
template <class Clock, class Duration>
[[nodiscard]] std::int64_t until_ns(std::chrono::time_point<Clock, Duration> when) {
  using Nanoseconds = std::chrono::duration<long double, std::nano>;
  return to_ns(std::chrono::duration_cast<Nanoseconds>(when.time_since_epoch()) -
               std::chrono::duration_cast<Nanoseconds>(Clock::now().time_since_epoch()));
}

}  // namespace vigil::detail
