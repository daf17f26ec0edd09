// The ways out that libc announces: exit, quick_exit, fork.
#pragma once

namespace vigil::shim {

// Registers for them. Once, while Starting, which is before main as a rule: libc runs the handlers last that were
// registered first, so ours come after the program's own and after every static destructor.
void watch_ways_out() noexcept;

// quick_exit() tells its handlers no status; its wrapper leaves it here.
void expect_quick_exit(int status) noexcept;

}  // namespace vigil::shim
