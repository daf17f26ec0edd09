// Deadlock: tells that nothing can move any more, with everybody who is blocked.
#pragma once

#include "interpose/waits.hpp"

namespace vigil::shim {

// Reports one finding and writes the wait_for record. stranded: so many tasks could run, if a worker were free. False:
// the runtime did not hold still, nothing was told.
bool tell_deadlock(std::uint64_t stranded) noexcept;
// The same of some who wait for each other, whatever the others do.
void tell_ring(const BlockedActors& members) noexcept;

}  // namespace vigil::shim
