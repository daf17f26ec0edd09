// The one source of time: the steady clock, in nanoseconds, never 0 ("none" in deadlines).
#pragma once

#include <ctime>

#include <cstdint>

namespace vigil::detail {

inline std::uint64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail with this clock
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

inline constexpr std::uint64_t kNoDeadline = 0;

// now + duration, saturating.
inline std::uint64_t deadline_after(std::int64_t duration_ns) noexcept {
  constexpr std::uint64_t kLast = std::uint64_t{1} << 63;
  const std::uint64_t now = now_ns();
  const auto wanted = static_cast<std::uint64_t>(duration_ns < 0 ? 0 : duration_ns);
  return wanted > kLast - now ? kLast : now + wanted;
}

}  // namespace vigil::detail
