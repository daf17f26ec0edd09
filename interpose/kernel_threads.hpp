// Kernel threads: what /proc says of the threads of this process, read with raw system calls.
#pragma once

#include <cstdint>

#include "interpose/fixed_text.hpp"
#include "interpose/judge.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim {

// The ids of all threads that are not dead. Empty when /proc cannot be read.
OwnVector<int> kernel_threads() noexcept;
KernelState kernel_state(int tid) noexcept;
// Whether it is on a processor, or ready for one.
bool kernel_runs(int tid) noexcept;
// Whether it waits for an event: it does not run, and no disk, debugger or signal holds it.
bool kernel_sleeps(int tid) noexcept;
// Whether it sleeps in the system for a time or for bytes, in a call whose wrapper says so (naps.hpp). False also where
// the kernel does not say.
bool kernel_naps(int tid) noexcept;
// Whether a debugger may halt it without its noticing: it runs, or sleeps in a call that goes on afterwards as if
// nothing had been.
bool kernel_may_halt(int tid) noexcept;
// Where its stack pointer stands while it sleeps for a value in memory to change (futex); 0: it does not, or the kernel
// does not say.
std::uintptr_t stack_pointer_in_futex(int tid) noexcept;
// What it has used of processors so far.
std::int64_t used_processor_ns(int tid) noexcept;
// The thread's own name, "" when it has none but the program's.
FixedText<16> thread_name(int tid) noexcept;

}  // namespace vigil::shim
