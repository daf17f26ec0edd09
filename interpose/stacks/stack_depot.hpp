// The stack depot: every distinct stack once, for the life of the process. intern_stack(), frames_of(), locate() of a
// frame and stable_hash() of stack_capture.hpp are this file's.
//
// Invariants
//   I1  A record never goes, and but for its links never changes, once an id leads to it.
//   I2  A record keeps the innermost frames, those that it does not have in common with a record made before, its base:
//       a recursion that comes to a hundred thousand places has as many stacks of forty frames, and each a few of its
//       own. The base has all the other frames, as its outermost, and is of the same generation.
//   I3  Two stacks are equal when their pcs are and no code went away between them (modules_generation()).
// Lock-free: buckets are binary trees by bits of the hash, which only grow at their leaves; equal stacks go one way, so
// the loser of a race to add meets the winner there and looks again.
#pragma once

#include <cstddef>

namespace vigil::shim {

// Distinct stacks so far, for the log and for tests.
std::size_t stacks_interned() noexcept;

}  // namespace vigil::shim
