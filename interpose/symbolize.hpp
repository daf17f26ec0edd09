// Names for program counters, inside the process: slow (it reads debug information) and hungry, so only when nobody
// else can name them.
#pragma once

#include <cstdint>

#include "interpose/fixed_text.hpp"

namespace vigil::shim {

using FrameText = FixedText<1024>;

// "function at file:line", as much of it as is known. Allocates through the host; not before the end of the process.
void symbolize(std::uintptr_t pc, FrameText& out) noexcept;

}  // namespace vigil::shim
