// What two leaves of clocks (clock_tree.hpp) do with one another: 128 times side by side, of which each side's later
// ones are taken. The greater part of what a meeting costs in a line of tasks, so it has a form for wider vectors.
#pragma once

#include <cstdint>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

inline constexpr unsigned kLeafBits = 7;
inline constexpr std::uint32_t kLeafTimes = 1U << kLeafBits;

struct LaterTimes {
  bool mine;    // mine has a time that is later than theirs
  bool theirs;  // the other way round
};

// out[i] = max(mine[i], theirs[i]) for all kLeafTimes i. out may be mine.
LaterTimes join_leaf_times(const ClockTime* mine, const ClockTime* theirs, ClockTime* out) noexcept;
// The form for processors without AVX2.
LaterTimes join_leaf_times_by_fours(const ClockTime* mine, const ClockTime* theirs, ClockTime* out) noexcept;

}  // namespace vigil::shim::race
