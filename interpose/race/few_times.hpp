// FewTimes: the times of the slots 1 to 11, side by side: three vectors of four. All that a program of few actors needs
// of a clock: whatever two of them exchange is a handful of vector instructions, without a tree, a frontier or memory.
//
// A time has fewer than 31 bits (epoch.hpp), so that the signed comparison of SSE2 tells which of two is later. The
// first of the twelve numbers stays 0: it is where Knowledge has its mark of which form it is in.
#pragma once

#include <emmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

class FewTimes {
 public:
  static constexpr std::uint32_t kNumbers = 12;
  static constexpr bool holds(ClockSlot slot) noexcept { return static_cast<std::uint32_t>(slot) < kNumbers; }

  constexpr FewTimes() noexcept = default;

  // Demands: holds(slot), which is not nobody's.
  [[nodiscard]] ClockTime at(ClockSlot slot) const noexcept { return times_[static_cast<std::uint32_t>(slot)]; }
  void set(ClockSlot slot, ClockTime time) noexcept { times_[static_cast<std::uint32_t>(slot)] = time; }

  [[nodiscard]] bool empty() const noexcept { return within(FewTimes()); }
  // this[i] = max(this[i], other[i]) for every slot i.
  void join(const FewTimes& other) noexcept {
    for (std::size_t i = 0; i < kVectors; ++i) put(i, later_of(vector(i), other.vector(i)));
  }
  // other becomes this, and this the join of the two.
  void swap_and_join(FewTimes& other) noexcept {
    for (std::size_t i = 0; i < kVectors; ++i) {
      const __m128i mine = vector(i);
      const __m128i theirs = other.vector(i);
      other.put(i, mine);
      put(i, later_of(mine, theirs));
    }
  }
  // Whether this[i] <= other[i] for every slot i.
  [[nodiscard]] bool within(const FewTimes& other) const noexcept {
    __m128i later = _mm_setzero_si128();
    for (std::size_t i = 0; i < kVectors; ++i) later = _mm_or_si128(later, _mm_cmpgt_epi32(vector(i), other.vector(i)));
    return _mm_movemask_epi8(later) == 0;
  }
  // Calls visit(epoch) for every time that is not 0, until one is false.
  template <class Visit>
  bool each(Visit&& visit) const noexcept {
    for (std::uint32_t slot = 1; slot < kNumbers; ++slot) {
      if (times_[slot] != 0 && !visit(Epoch(static_cast<ClockSlot>(slot), times_[slot]))) return false;
    }
    return true;
  }

 private:
  static_assert(kTimeBits < 31);
  static constexpr std::size_t kVectors = kNumbers / 4;

  static __m128i later_of(__m128i one, __m128i other) noexcept {
    const __m128i is_later = _mm_cmpgt_epi32(one, other);
    return _mm_or_si128(_mm_and_si128(is_later, one), _mm_andnot_si128(is_later, other));
  }
  [[nodiscard]] __m128i vector(std::size_t i) const noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(times_.data()) + i);
  }
  void put(std::size_t i, __m128i times) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(times_.data()) + i, times);
  }

  std::array<ClockTime, kNumbers> times_{};
};
static_assert(sizeof(FewTimes) == 48);

}  // namespace vigil::shim::race
