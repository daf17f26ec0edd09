// What a child process may do after fork().
//
// Only the thread that called fork() lives on in the child: the workers, and with them all tasks, exist in the parent
// alone. The child may use what needs nobody else (a free lock, a buffer with room), may exec, and may end. To start a
// task there is a Panic; what would wait there would wait for ever and ends the child with a line on stderr instead.
// A child of a process that had not started a task yet is like any other process.
#pragma once

#include <atomic>

namespace vigil::detail {

extern constinit std::atomic<bool> is_forked;

// Throws Panic in such a child.
void demand_own_workers();
// Ends such a child.
inline void refuse_to_wait_in_child() noexcept;

[[noreturn]] void die_of_waiting_in_child() noexcept;
inline void refuse_to_wait_in_child() noexcept {
  if (is_forked.load(std::memory_order_relaxed)) [[unlikely]]
    die_of_waiting_in_child();
}

}  // namespace vigil::detail
