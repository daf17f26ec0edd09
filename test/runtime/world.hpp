// Facts about who is parked on what, so that a test constructs its order and sleeps for nothing. On top of support.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vigil/probe.h"

namespace vigil::test {

// Waits until no task is runnable or running. Fails the test after 20 s.
void settle();

// How many actors, tasks and plain threads, are parked in a wait of that kind (VIGIL_WAIT_...).
[[nodiscard]] std::size_t parked(std::uint32_t kind);

// Waits until at least `count` actors are parked in a wait of that kind. Fails the test after 20 s.
void await_parked(std::uint32_t kind, std::size_t count = 1);

// Waits until that many deadlines are pending: timers and timed waits. One that fires counts until its effect is done,
// so that one may be over and count for a moment more. Fails the test after 20 s.
void until_timers(std::uint64_t count);

}  // namespace vigil::test
