// The stack depot: every distinct stack once, for the life of the process. intern_stack(), frames_of(), locate() of a
// frame and stable_hash() of stack_capture.hpp are this file's.
//
// Invariants
//   I1  A record never changes and never goes once an id leads to it.
//   I2  Two stacks are equal when their pcs are and no code went away between them (modules_generation()).
// Lock-free: buckets are lists that only grow at the head; the loser of a race to add looks again.
#pragma once

#include <cstddef>

namespace vigil::shim {

// Distinct stacks so far, for the log and for tests.
std::size_t stacks_interned() noexcept;

}  // namespace vigil::shim
