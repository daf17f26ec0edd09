// The storage that this thread has for its own: the thread_local variables of all modules.
//
// Tasks on one thread take turns at it, whatever the schedule: two of them that come after each other are on the thread
// one after the other, and on another thread it is another variable. So an access to it on its own thread by a task
// races with no access by another task. (A task may carry the address to another thread, or the compiler across a wait:
// told is what it does there.)
#pragma once

#include <cstdint>

namespace vigil::shim::race {

// Whether a thread_local variable of this thread lies there; also one of a module that was loaded later.
[[nodiscard]] bool is_own_thread_local(std::uintptr_t address) noexcept;

}  // namespace vigil::shim::race
