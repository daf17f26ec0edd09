// Epoch: one moment in the life of one actor, small enough to be kept with every access and every release.
#pragma once

#include <cstdint>

namespace vigil::shim::race {

// Which component of the vector clocks belongs to an actor. 0 is nobody's. Handed out again only when that cannot
// order two accesses which nothing orders (see slot_pool.hpp), so it names an actor for its life, not for ever.
enum class ClockSlot : std::uint32_t {};
// Counts an actor's releases, from 1. What was done at time t is known to others from the release that ended t.
using ClockTime = std::uint32_t;

class Epoch {
 public:
  constexpr Epoch() noexcept = default;  // before everything: known to everybody
  constexpr Epoch(ClockSlot slot, ClockTime time) noexcept : bits_(static_cast<std::uint64_t>(slot) << 32U | time) {}

  [[nodiscard]] constexpr ClockSlot slot() const noexcept { return static_cast<ClockSlot>(bits_ >> 32U); }
  [[nodiscard]] constexpr ClockTime time() const noexcept { return static_cast<ClockTime>(bits_); }
  friend constexpr bool operator==(Epoch, Epoch) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};
static_assert(sizeof(Epoch) == 8);

}  // namespace vigil::shim::race
