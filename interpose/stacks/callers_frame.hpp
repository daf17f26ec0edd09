// Where the frame of a caller ends.
#pragma once

#include <cstdint>

namespace vigil::shim::unwind {

// frame: __builtin_frame_address(0) of a function that is not over. Its caller's frame lies from there up to what this
// returns, which is `frame` itself where the caller's table does not say.
std::uintptr_t end_of_callers_frame(std::uintptr_t frame) noexcept;

}  // namespace vigil::shim::unwind
