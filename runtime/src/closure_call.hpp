// closure_call: the lowest frame of a task's own code, at which no exception gets past.
//
// An exception that nobody in the task catches ends the program where it was thrown, with the whole stack standing: a
// core dump, a watcher and a terminate handler see who threw. A catch clause or noexcept here would not do, for the
// unwinder would first take the stack down to it, destructors and all. So the frame has a personality routine of its
// own: the unwinder asks it in its first phase, while it searches for a handler and has not touched anything.
#pragma once

#include "runtime/src/task.hpp"

namespace vigil::detail {

// Calls task.run(task.closure). An exception that would leave it, or a forced unwind (pthread_exit, cancellation), for
// which there is no place on a task's stack, is announced to the watcher and the user; then std::terminate().
void call_closure(Task& task) noexcept;

}  // namespace vigil::detail
