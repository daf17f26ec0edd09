#include "interpose/race/leaf_times.hpp"

#include <immintrin.h>

#include "interpose/race/four_times.hpp"
#include "interpose/vector_width.hpp"

namespace vigil::shim::race {
namespace {

// A third of the instructions: 160 a leaf.
[[gnu::target("avx2")]] LaterTimes join_by_eights(const ClockTime* mine, const ClockTime* theirs,
                                                  ClockTime* out) noexcept {
  __m256i mine_later = _mm256_setzero_si256();
  __m256i theirs_later = _mm256_setzero_si256();
  for (std::uint32_t i = 0; i < kLeafTimes; i += 8) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(mine + i));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(theirs + i));
    const __m256i later = _mm256_max_epu32(a, b);
    mine_later = _mm256_or_si256(mine_later, _mm256_xor_si256(later, b));
    theirs_later = _mm256_or_si256(theirs_later, _mm256_xor_si256(later, a));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), later);
  }
  return {.mine = _mm256_testz_si256(mine_later, mine_later) == 0,
          .theirs = _mm256_testz_si256(theirs_later, theirs_later) == 0};
}

}  // namespace

LaterTimes join_leaf_times_by_fours(const ClockTime* mine, const ClockTime* theirs, ClockTime* out) noexcept {
  FourTimes mine_later = no_times();
  FourTimes theirs_later = no_times();
  for (std::uint32_t i = 0; i < kLeafTimes; i += 4) {
    const FourTimes a = four_at(mine + i);
    const FourTimes b = four_at(theirs + i);
    mine_later = either(mine_later, are_later(a, b));
    theirs_later = either(theirs_later, are_later(b, a));
    put_four(out + i, later_of(a, b));
  }
  return {.mine = any_of(mine_later), .theirs = any_of(theirs_later)};
}

LaterTimes join_leaf_times(const ClockTime* mine, const ClockTime* theirs, ClockTime* out) noexcept {
  if (vector_width() >= VectorWidth::Avx2) return join_by_eights(mine, theirs, out);
  return join_leaf_times_by_fours(mine, theirs, out);
}

}  // namespace vigil::shim::race
