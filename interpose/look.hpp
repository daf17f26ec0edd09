// Look: takes the pictures that the judge compares.
#pragma once

#include "interpose/judge.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {

// Holds the runtime still for a moment when it has no moving tasks.
Look take_look() noexcept;
// Everybody who is blocked, daemons aside. Demands that the runtime, if there is one, is paused.
void collect_blocked(BlockedActors& blocked) noexcept;
// All that is alive: those that wait in whatever way, and those that do not; the runtime's own threads aside. As above.
void collect_all(BlockedActors& all) noexcept;

}  // namespace vigil::shim
