// What part of a stretch of memory lies in its first granule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "interpose/race/access_word.hpp"

namespace vigil::shim::race {

struct GranulePart {
  std::size_t bytes;   // how many, from the stretch's first on
  std::uint64_t mask;  // which of the granule's
};
// Demands: address < end.
[[gnu::always_inline]] constexpr GranulePart first_granule(std::uintptr_t address, std::uintptr_t end) noexcept {
  const std::size_t first = address % kGranuleBytes;
  const std::size_t bytes = std::min<std::size_t>(kGranuleBytes - first, end - address);
  return {bytes, bytes_mask(first, bytes)};
}

}  // namespace vigil::shim::race
