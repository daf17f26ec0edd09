// Reach: whether what an actor may run has an instruction by which threads order themselves (instruction.hpp).
//
// The functions on one of its stacks, from its first to where it is, and all that they call or jump to directly or
// through the linker's tables, in the program and in its own libraries. libvigil, libc and libstdc++ do not count: what
// they order by is seen at their functions. A call by pointer or of a virtual function, unless it is the one that the
// stack itself went through, may lead anywhere in its module: then the module's whole code decides.
#pragma once

#include "interpose/stack_capture.hpp"

namespace vigil::shim::code {

// True also where it cannot be known: code that was unloaded, or too much of it. The answers are kept, by stack.
// May be called by several threads at once.
bool reaches_ordering(StackId stack) noexcept;

// Whether that module (modules.hpp) is a library of the system or one of vigil's: what it orders by is seen at its
// functions, or is its own affair.
bool is_of_the_system(std::uint32_t module) noexcept;

// Whether it can come to a loop there, in which it may look at memory again and again. Nothing is remembered.
bool reaches_loop(StackId stack) noexcept;

}  // namespace vigil::shim::code
