// expect_sound(): a test that a small program holds under every interleaving. A failure prints its schedule; with that
// in VIGIL_TEST_SCHEDULE the test runs this one alone.
#pragma once

#include "test/schedule/explorer.hpp"

namespace vigil::test {

// For programs of five tasks. A sanitizer makes each switch ten times as expensive.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr Bounds kFew{.preemptions = 0};
#else
inline constexpr Bounds kFew{.preemptions = 1};
#endif

// Explores, and tells how much; with VIGIL_TEST_SCHEDULE only replays.
void expect_sound(const Program& program, Bounds bounds = {});

}  // namespace vigil::test
