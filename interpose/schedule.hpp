// Schedule: the option `schedule`, handed on to the runtime.
#pragma once

namespace vigil::shim::schedule {

// Once the runtime has attached, before its first task.
void hand_over() noexcept;

// This thread is about to wait in a function that is no primitive of the runtime: others go on.
void step_aside() noexcept;

}  // namespace vigil::shim::schedule
