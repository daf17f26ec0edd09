// Deadlock: tells that nothing can move any more, with everybody who is blocked.
#pragma once

namespace vigil::shim {

// Reports one finding and writes the wait_for record. False: the runtime did not hold still, nothing was told.
bool tell_deadlock() noexcept;

}  // namespace vigil::shim
