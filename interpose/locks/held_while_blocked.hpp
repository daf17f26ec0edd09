// Held while blocked: actors that hold a lock and wait on a channel, a select or a wait group, where those who could
// wake them wait for that very lock.
#pragma once

namespace vigil::shim::locks {

// When nothing can move any more. Gives up when the runtime does not hold still.
void tell_held_while_blocked() noexcept;

}  // namespace vigil::shim::locks
