// Unseen order: whether two events may be ordered by a way that the shim does not see, above all by atomics.
//
// In a plain build an atomic operation is a machine instruction like any other. "The last sender, found by a count,
// closes" is right, and looks to the shim as if nothing ordered the close after the other sends. So what rests on
// "nothing orders these two" is told only where that can be known:
//   - the program is instrumented: vigil's engine sees its atomics;
//   - or none of the two actors can come, from the functions on its stack, to an instruction by which threads order
//     themselves (reach.hpp): then whatever orders the two goes through primitives that are seen.
// What passes unseen: plain loads and stores with memory_order_release and acquire are moves like all others; bytes
// through a pipe; and a third actor, who took the order over from the one and gave it to the other by atomics of its
// own.
#pragma once

#include "interpose/stack_capture.hpp"

namespace vigil::shim::unseen_order {

// Whether anything may: beside ThreadSanitizer's runtime, which sees the program's atomics and does not say.
bool possible() noexcept;
// Whether what the actor of this stack did may be ordered so.
bool possible(StackId stack) noexcept;
inline bool possible(StackId one, StackId other) noexcept { return possible(one) || possible(other); }

// Whether the actor of this stack may have learned by plain loads that another is through, in a program that is not
// instrumented: it must look again and again for that, in a loop that it can come to.
bool may_poll(StackId stack) noexcept;

}  // namespace vigil::shim::unseen_order
