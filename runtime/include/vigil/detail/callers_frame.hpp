// keep_callers_frame(): keeps who calls an operation on the stacks that are taken inside it.
//
// A function that ends with a call jumps there (a tail call), and what is jumped from is on no stack any more: a
// finding would show its caller in its place. So each operation that may wait or be misused is, in the header, a call
// and this.
#pragma once

namespace vigil::detail {

// Behind the last call of an operation that is always inlined. No instruction.
[[gnu::always_inline]] inline void keep_callers_frame() noexcept { asm volatile(""); }

}  // namespace vigil::detail
