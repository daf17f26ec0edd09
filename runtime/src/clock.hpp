// The one source of time: the steady clock, in nanoseconds, never 0 ("none" in deadlines). A test may put a clock of
// its own in its place, which stands still until it is moved: whoever asks for the time of deadlines asks now_ns().
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace vigil::detail {

// 0: time is the system's. Else it is this, and only a test moves it (see VirtualTime).
// relaxed throughout: who moves it pokes those who wait for it, and that carries the order.
extern constinit std::atomic<std::uint64_t> virtual_now_ns;

inline bool time_is_virtual() noexcept { return virtual_now_ns.load(std::memory_order_relaxed) != 0; }

// The system's time: for waits that end by themselves whatever the program's clock says.
inline std::uint64_t real_now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail with this clock
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t now_ns() noexcept {
  if (const std::uint64_t now = virtual_now_ns.load(std::memory_order_relaxed); now != 0) [[unlikely]]
    return now;
  return real_now_ns();
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
