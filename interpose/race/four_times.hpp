// Four times at once. A time has fewer than 31 bits (epoch.hpp), so the signed comparison, which is all that SSE2 has,
// tells which of two is later.
#pragma once

#include <emmintrin.h>

#include <cstddef>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

static_assert(kTimeBits < 31 && sizeof(ClockTime) == 4);

using FourTimes = __m128i;

inline FourTimes four_at(const ClockTime* times) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(times));
}
inline void put_four(ClockTime* times, FourTimes four) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(times), four);
}
inline FourTimes are_later(FourTimes mine, FourTimes theirs) noexcept { return _mm_cmpgt_epi32(mine, theirs); }
inline FourTimes later_of(FourTimes mine, FourTimes theirs) noexcept {
  const FourTimes mine_are = are_later(mine, theirs);
  return _mm_or_si128(_mm_and_si128(mine_are, mine), _mm_andnot_si128(mine_are, theirs));
}
inline FourTimes either(FourTimes one, FourTimes other) noexcept { return _mm_or_si128(one, other); }
inline FourTimes no_times() noexcept { return _mm_setzero_si128(); }
inline bool any_of(FourTimes are) noexcept { return _mm_movemask_epi8(are) != 0; }

}  // namespace vigil::shim::race
