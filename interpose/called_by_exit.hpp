// Whether something happens only because the program ends: exit() runs the destructors of static objects.
#pragma once

#include "interpose/stack_capture.hpp"

namespace vigil::shim {

// Whether exit() called what was captured there. It calls the handlers from near its end, and is a short function.
[[nodiscard]] bool called_by_exit(StackId stack) noexcept;

}  // namespace vigil::shim
