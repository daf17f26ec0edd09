// DWARF expressions as unwind tables use them: PLT stubs, realigned stacks, signal frames, hand-written assembly.
#pragma once

#include <cstdint>

#include "interpose/stacks/eh_frame.hpp"
#include "interpose/stacks/registers.hpp"
#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::unwind {

// A word of stack memory; false when it is not aligned or may not be read.
inline bool read_word(StackWindow& stack, std::uint64_t address, std::uint64_t& value) noexcept {
  return (address & 7U) == 0 && stack.read(address, value);
}

// The expression's value. initial: what lies on its stack at the start (a register rule finds the CFA there), or null.
// False: an operation we do not know, an unknown register, or memory that may not be read.
bool evaluate(Cursor expression, const Registers& frame, const std::uint64_t* initial, StackWindow& stack,
              std::uint64_t& value) noexcept;

}  // namespace vigil::shim::unwind
