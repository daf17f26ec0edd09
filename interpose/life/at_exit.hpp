// At exit: the tasks that main left at work, and those that outlive their cancelled context.
//
// main returned while a task was runnable or running is a task-running-at-exit when the task really had something left
// to do. Just about to end is no defect, and on a loaded machine that can take long; so what counts is not the time but
// what was done in it: the task is still not through when the workers have computed for kMostNsToEnd, or when every
// worker that is busy sleeps in the system (the task waits in a call of its own there).
#pragma once

#include "interpose/actor.hpp"

namespace vigil::shim::at_exit {

// Lets the tasks that merely need a moment finish, bounded, and remembers those that do more than that.
void settle() noexcept;
// The findings about tasks that settle() remembered, and about those that outlive their context. Demands that nobody
// records events any more.
void tell_running() noexcept;
void tell_cancelled() noexcept;
// Whether the task is told as one that outlives its context, and so is no leak besides. Demands that the runtime is
// paused.
bool outlives_context(const vigil_probe_actor_view& view) noexcept;

// Whether tell_running() told of that task, which so is no leak besides.
bool was_told_at_work(std::uint64_t id) noexcept;

// With the option cancel_grace: looks for such tasks during the run, too. Starts a thread.
void start_grace_watch() noexcept;

}  // namespace vigil::shim::at_exit
