// Look: takes the pictures that the judge compares.
#pragma once

#include "interpose/judge.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim {

// Holds the runtime still for a moment when it has no moving tasks.
Look take_look() noexcept;
// Everybody who is blocked, daemons aside. Demands that the runtime, if there is one, is paused.
void collect_blocked(BlockedActors& blocked) noexcept;

}  // namespace vigil::shim
