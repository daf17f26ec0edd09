// Wide registers: those of vectors, which no function preserves. What was computed in them last stays there for as long
// as whatever comes next computes without them, and would keep alive who is searched for in registers
// (halted_threads.hpp).
#pragma once

namespace vigil::shim::leaks {

// Clears all that the processor has, to their full width: of 128 bits, the upper halves (AVX), and those that only
// AVX-512 has (zmm16 to zmm31, of which libc's copying and searching leaves whatever it copied; the masks). For a call
// that switches tasks, or begins a thread: their contents are nobody's there. Cost: some ten nanoseconds.
void forget_wide_registers() noexcept;

}  // namespace vigil::shim::leaks
