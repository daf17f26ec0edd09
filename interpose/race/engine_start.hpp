// Starting our own engine, when it is known that the program is instrumented.
#pragma once

namespace vigil::shim::race {

// Maps the shadow and starts the clocks. False: the address space does not allow it (said once), or another thread is
// about to. Also for tests, and for instrumented code that was loaded into a plain program.
bool start_native() noexcept;
// The same, for the Traced<T> variables of a program whatever it is otherwise. Waits while another thread does it.
// Demands: inside the shim.
bool start_for_variables() noexcept;

}  // namespace vigil::shim::race
