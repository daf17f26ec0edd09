// Names for program counters, inside the process: slow (it reads debug information) and hungry, so only when nobody
// else can name them.
#pragma once

#include <cstdint>

#include "interpose/fixed_text.hpp"

namespace vigil::shim {

using FrameText = FixedText<1024>;

struct FrameName {
  FrameText function;  // empty: not known
  FrameText file;
  std::size_t line = 0;  // 0: not known, nor is the file
};

// Allocates through the host: at the end of the process, or on the service thread while nothing is held still.
void symbolize(std::uintptr_t pc, FrameName& out) noexcept;
// "function at file:line", as much of it as is known.
void symbolize(std::uintptr_t pc, FrameText& out) noexcept;

}  // namespace vigil::shim
