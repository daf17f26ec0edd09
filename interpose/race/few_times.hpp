// FewTimes: the times of the slots 1 to 15, side by side: four vectors of four. All that a program of few actors needs
// of a clock: whatever two of them exchange is a handful of vector instructions, without a tree, a frontier or memory.
//
// The first of the sixteen numbers stays 0: it is where Knowledge has its mark of which form it is in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/race/epoch.hpp"
#include "interpose/race/four_times.hpp"

namespace vigil::shim::race {

class FewTimes {
 public:
  static constexpr std::uint32_t kNumbers = 16;
  static constexpr bool holds(ClockSlot slot) noexcept { return static_cast<std::uint32_t>(slot) < kNumbers; }

  constexpr FewTimes() noexcept = default;

  // Demands: holds(slot), which is not nobody's.
  [[nodiscard]] ClockTime at(ClockSlot slot) const noexcept { return times_[static_cast<std::uint32_t>(slot)]; }
  void set(ClockSlot slot, ClockTime time) noexcept { times_[static_cast<std::uint32_t>(slot)] = time; }

  [[nodiscard]] bool empty() const noexcept { return within(FewTimes()); }
  // this[i] = max(this[i], other[i]) for every slot i.
  void join(const FewTimes& other) noexcept {
    for (std::size_t i = 0; i < kNumbers; i += 4)
      put_four(&times_[i], later_of(four_at(&times_[i]), four_at(&other.times_[i])));
  }
  // other becomes this, and this the join of the two.
  void swap_and_join(FewTimes& other) noexcept {
    for (std::size_t i = 0; i < kNumbers; i += 4) {
      const FourTimes mine = four_at(&times_[i]);
      const FourTimes theirs = four_at(&other.times_[i]);
      put_four(&other.times_[i], mine);
      put_four(&times_[i], later_of(mine, theirs));
    }
  }
  // Both become the join of the two.
  void join_both(FewTimes& other) noexcept {
    for (std::size_t i = 0; i < kNumbers; i += 4) {
      const FourTimes later = later_of(four_at(&times_[i]), four_at(&other.times_[i]));
      put_four(&times_[i], later);
      put_four(&other.times_[i], later);
    }
  }
  // Whether this[i] <= other[i] for every slot i.
  [[nodiscard]] bool within(const FewTimes& other) const noexcept {
    FourTimes later = no_times();
    for (std::size_t i = 0; i < kNumbers; i += 4)
      later = either(later, are_later(four_at(&times_[i]), four_at(&other.times_[i])));
    return !any_of(later);
  }
  // Calls visit(epoch) for every time that is not 0, until one is false; whether none was.
  template <class Visit>
  [[nodiscard]] bool each(Visit&& visit) const noexcept {
    for (std::uint32_t slot = 1; slot < kNumbers; ++slot) {
      if (times_[slot] != 0 && !visit(Epoch(static_cast<ClockSlot>(slot), times_[slot]))) return false;
    }
    return true;
  }

 private:
  std::array<ClockTime, kNumbers> times_{};
};
static_assert(sizeof(FewTimes) == 64);

}  // namespace vigil::shim::race
