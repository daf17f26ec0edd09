// Epoch: one moment in the life of one actor, small enough to be kept with every access and every release.
#pragma once

#include <cstdint>

namespace vigil::shim::race {

// Which component of the vector clocks belongs to an actor. 0 is nobody's. Handed out again only when that cannot
// order two accesses which nothing orders (see slot_pool.hpp), so it names an actor for its life, not for ever.
enum class ClockSlot : std::uint32_t {};
// Counts an actor's releases, from 1. What was done at time t is known to others from the release that ended t.
using ClockTime = std::uint32_t;

// An epoch is one word, and leaves its lowest bits to whoever keeps it with an access (access_word.hpp).
inline constexpr unsigned kSlotBits = 28;  // 268 million actors that nothing orders
inline constexpr unsigned kTimeBits = 25;  // 33 million releases, seconds of the tightest loop: then a fresh slot
inline constexpr unsigned kSpareBits = 64 - kSlotBits - kTimeBits;
inline constexpr ClockTime kLastTime = (1U << kTimeBits) - 1;
inline constexpr std::uint32_t kLastSlot = (1U << kSlotBits) - 1;

class Epoch {
 public:
  constexpr Epoch() noexcept = default;  // before everything: known to everybody
  constexpr Epoch(ClockSlot slot, ClockTime time) noexcept
      : bits_(static_cast<std::uint64_t>(slot) << (kTimeBits + kSpareBits) | static_cast<std::uint64_t>(time)
                                                                                 << kSpareBits) {}
  static constexpr Epoch from_bits(std::uint64_t bits) noexcept {
    Epoch epoch;
    epoch.bits_ = bits;
    return epoch;
  }

  [[nodiscard]] constexpr ClockSlot slot() const noexcept {
    return static_cast<ClockSlot>(bits_ >> (kTimeBits + kSpareBits));
  }
  [[nodiscard]] constexpr ClockTime time() const noexcept {
    return static_cast<ClockTime>(bits_ >> kSpareBits) & kLastTime;
  }
  // The lowest kSpareBits are zero.
  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] const std::uint64_t* word() const noexcept { return &bits_; }
  friend constexpr bool operator==(Epoch, Epoch) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};
static_assert(sizeof(Epoch) == 8);

}  // namespace vigil::shim::race
