// Unseen order: whether a program may order two events by a way that the shim does not see, above all by atomics.
//
// In a plain build an atomic operation is a machine instruction like any other. "The last sender, found by a count,
// closes" is right, and looks to the shim as if nothing ordered the close after the other sends. So what rests on
// "nothing orders these two" is told only where that can be known:
//   - the program is instrumented: vigil's engine sees its atomics;
//   - or the code of the program has no instruction by which threads order themselves (instruction.hpp): then all its
//   order
//     comes from primitives that are seen. The code is swept once, when the answer is first wanted.
// What passes unseen: plain loads and stores with memory_order_release and acquire are moves like all others, and a
// program whose only order is such a pair, or bytes through a pipe, has no telling instruction.
#pragma once

#include "interpose/stack_capture.hpp"

namespace vigil::shim::unseen_order {

// Whether the program itself may. Until it is false there is no use in keeping an order for predictions.
bool possible() noexcept;
// Whether the program, or a library of its own that one of the stacks leads through, may.
bool possible(StackId one, StackId other) noexcept;

// Whether that module (modules.hpp) is a library of the system or one of vigil's: what it orders by is seen at its
// functions, or is its own affair.
bool is_of_the_system(std::uint32_t module) noexcept;

}  // namespace vigil::shim::unseen_order
