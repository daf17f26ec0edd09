// Tasks server: answers who asks for this process's tasks, from outside, while it runs (docs/tasks_protocol.md).
//
// A helper thread waits on a socket in the abstract namespace. Its descriptor table is its own, so the program neither
// sees nor closes what it has open, and nothing that the program opened is held open by it.
#pragma once

namespace vigil::shim::tasks_server {

// Starts the thread, once. It creates a thread: see become_concurrent().
void start() noexcept;
// Whether the thread is there and waits, holding nothing.
bool is_idle() noexcept;
// In the child of a fork: the thread is gone.
void forked() noexcept;

}  // namespace vigil::shim::tasks_server
