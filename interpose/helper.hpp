// Threads of the shim's own: they block all signals but libc's own, count as inside the shim for life, and have a small
// stack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim {

// Starts a helper that runs body(context); when that returns the helper ends. False: the system gives no thread.
// Allocates through the host's libc (pthread_create), so never from a signal handler.
bool start_helper(void (*body)(void*) noexcept, void* context) noexcept;

// How many helpers run, and whether a kernel thread id is one: they are no threads of the program.
std::size_t helper_count() noexcept;
bool is_helper(int tid) noexcept;

// The service thread waits for the deadline and for requests that a signal handler may not serve itself.
// Started once, when an option or the runtime needs it.
void start_service_thread() noexcept;
// Asks the service thread for dump_tasks(). Safe in a signal handler. False: there is no service thread.
bool request_dump() noexcept;

// The main thread leaves by pthread_exit(): libc ends the process when its last thread ends, but would count our
// helpers. From here the service thread sees to it. Without helpers there is nothing to do.
void main_thread_leaves() noexcept;

// In a fork's child: the helpers are gone.
void forget_helpers_after_fork() noexcept;

}  // namespace vigil::shim
