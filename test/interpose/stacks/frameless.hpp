// Functions as programs have them: optimised, without frame pointers (frameless.cpp is compiled so), each calling
// `inside` from a frame of its own kind.
#pragma once

namespace vigil::shim::stacks_test {

using Inside = void (*)();

void plain(Inside inside);
void recurse(int depth, Inside inside);
void with_alloca(unsigned bytes, Inside inside);
void with_realigned_stack(Inside inside);
void with_many_live_registers(Inside inside);
void through_tail_call(Inside inside);
void through_qsort(Inside inside);
void through_exception_handler(Inside inside);
// Work without calls to speak of, so that a walk may start at each of its instructions, in libc's and in the PLT's.
int busy(int rounds);
// Hand-written code without unwind tables: one keeps a frame pointer, one spoils rbp.
extern "C" void vigil_test_untabled_with_frame(Inside inside);
extern "C" void vigil_test_untabled_without_frame(Inside inside);

}  // namespace vigil::shim::stacks_test
