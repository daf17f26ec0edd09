// Deadlock: tells that nothing can move any more, with everybody who is blocked.
#pragma once

#include "interpose/waits.hpp"

namespace vigil::shim {

// Reports one finding and writes the wait_for record. False: the runtime did not hold still, nothing was told.
bool tell_deadlock() noexcept;
// The same of some who wait for each other, whatever the others do.
void tell_ring(const BlockedActors& members) noexcept;

}  // namespace vigil::shim
