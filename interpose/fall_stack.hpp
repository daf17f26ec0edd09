// Where a step of the shim's own fell (safety_net.hpp): its stack, for whoever has to mend the shim.
//
// Taken by Boost.Stacktrace and not by the unwinder of stacks/, which may be what fell. Its frames lie in the shim, in
// libc and in the program that ended; nothing here reads a list that a lock guards, for the step may have held the
// lock.
#pragma once

#include <cstddef>
#include <span>

#include "interpose/fixed_text.hpp"

namespace vigil::shim {

inline constexpr std::size_t kMostFallFrames = 32;

// In the handler of the signal by which the step fell, called by the handler itself. Safe there; a second fall, inside
// this, keeps the first one's frames and takes none.
void capture_fall() noexcept;

// Of the last fall, innermost first, the handler left out; empty before one.
std::span<const void* const> fall_stack() noexcept;

// " at libvigil_shim.so+0x12ab libvigil_shim.so+0x34cd", as many frames as say something; "" before a fall.
using FallText = FixedText<512>;
FallText fall_words() noexcept;

}  // namespace vigil::shim
