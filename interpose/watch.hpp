// Watch: notices when nothing in the program can move any more, tells it as a deadlock, and ends the program.
//
// A helper thread sleeps until it is poked: when the last awake thread blocks, or the runtime runs out of tasks while
// no thread is awake. It waits a moment, looks twice, and ends the program only when both looks agree (judge.hpp).
// In between it patrols for tasks that wait for each other while others go on (leaks/patrol.hpp).
#pragma once

namespace vigil::shim::watch {

// Starts the helper, once. It creates a thread: see become_concurrent().
void start() noexcept;
// It may be that nothing can move. Cheap; safe under a primitive's lock.
void poke() noexcept;
// Whether a deadlock was told: who is part of it is no leak besides.
bool told() noexcept;
// In the child of a fork: the helper is gone.
void forked() noexcept;

}  // namespace vigil::shim::watch
