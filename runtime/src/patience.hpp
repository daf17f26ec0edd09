// Patience: how long it pays to look for what one waits for, before sleeping.
//
// Whoever looks for as long as being woken takes loses at most as much again over knowing beforehand (Karlin et al.,
// Competitive snoopy caching, 1988). What that is differs by a factor of ten between machines: 3 us, or 30 where an
// interrupt between processors goes through a hypervisor. So it is measured whenever somebody has been woken.
// All in time stamps of the processor, of which there are 1 to 5 a nanosecond: only their proportions matter here.
#pragma once

#include <atomic>
#include <cstdint>

#include <x86intrin.h>

namespace vigil::detail {

using Ticks = std::uint64_t;

inline Ticks ticks() noexcept { return __rdtsc(); }

class Patience {
 public:
  // After looking for this long, one lets others have the processor between two looks.
  static constexpr Ticks kPolite = 10'000;

  // Somebody was told to wake at `told` and does so now. Not exact when processors disagree about the time stamp.
  void woken(Ticks told) noexcept {
    const Ticks took = ticks() - told;
    if (took > kMost) return;  // the processor was busy with something else
    // relaxed: a hint; a lost update is no loss.
    const Ticks before = cost_.load(std::memory_order_relaxed);
    cost_.store(before + took / 8 - before / 8, std::memory_order_relaxed);
  }
  // For how long to look, when the last wait was that short.
  [[nodiscard]] Ticks limit() const noexcept {
    const Ticks cost = cost_.load(std::memory_order_relaxed);
    return cost < kLeast ? kLeast : cost > kMost / 2 ? kMost : 2 * cost;
  }

 private:
  static constexpr Ticks kLeast = 12'000;
  static constexpr Ticks kMost = 200'000;
  std::atomic<Ticks> cost_{kLeast};
};

}  // namespace vigil::detail
