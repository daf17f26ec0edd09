// The storage that this thread has for its own: the thread_local variables of all modules.
//
// Tasks on one thread take turns at it, whatever the schedule: two of them that come after each other are on the thread
// one after the other, and on another thread it is another variable. So an access to it on its own thread by a task
// races with no access by another task. (A task may carry the address to another thread, or the compiler across a wait:
// told is what it does there.)
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"

namespace vigil::shim::race {

// Whether a thread_local variable of this thread lies there; also one of a module that was loaded later.
[[nodiscard]] bool is_own_thread_local(std::uintptr_t address) noexcept;
// Whether the two took turns at what belongs to this worker: each is a task, or the worker itself, at its beginning or
// end. newer: who runs here.
[[nodiscard]] bool took_turns(const Actor& newer, const ActorInfo& older, std::uintptr_t address) noexcept;

}  // namespace vigil::shim::race
