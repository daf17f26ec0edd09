// Any byte: the words in memory that begin at whatever byte, as in packed structures and in messages, and lie in a
// range of addresses.
//
// Of sixteen places at once it is asked whether the upper half of a word there can be that of such an address: hardly
// ever, in most memory.
#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "interpose/own_mappings.hpp"

namespace vigil::shim::leaks {

// Calls take(word, where it begins) for each. Demands a range that is not empty, of addresses that programs have.
template <class Take>
void each_word_at_any_byte(const unsigned char* bytes, std::size_t size, AddressRange range, Take&& take) noexcept {
  constexpr std::size_t kPlaces = 16;
  constexpr std::size_t kWord = sizeof(std::uintptr_t);
  const auto upper = [](std::uintptr_t address) { return static_cast<std::int32_t>(address >> 32U); };
  const __m128i below = _mm_set1_epi32(upper(range.low) - 1);
  const __m128i above = _mm_set1_epi32(upper(range.high - 1) + 1);
  const auto may_begin_from = [&](std::size_t first) {
    __m128i any = _mm_setzero_si128();
    for (std::size_t i = 0; i < sizeof(std::uint32_t); ++i) {
      const __m128i uppers = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + first + kWord / 2 + i));
      any = _mm_or_si128(any, _mm_and_si128(_mm_cmpgt_epi32(uppers, below), _mm_cmplt_epi32(uppers, above)));
    }
    return _mm_movemask_epi8(any) != 0;
  };
  std::size_t at = 0;
  const auto look_at = [&](std::size_t places) {
    for (const std::size_t end = at + places; at < end; ++at) {
      std::uintptr_t word = 0;
      std::memcpy(&word, bytes + at, kWord);
      if (range.holds(word)) take(word, at);
    }
  };
  while (at + kPlaces + kWord - 1 <= size) {
    if (may_begin_from(at)) {
      look_at(kPlaces);
    } else {
      at += kPlaces;
    }
  }
  if (at + kWord <= size) look_at(size - kWord + 1 - at);
}

}  // namespace vigil::shim::leaks
