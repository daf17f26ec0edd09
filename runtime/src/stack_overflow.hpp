// What happens when a task runs over the end of its stack: one clear line, then the death any overflow dies.
#pragma once

#include <cstddef>

#include "runtime/src/task.hpp"

namespace vigil::detail {

struct ThreadStack {
  const void* low = nullptr;
  std::size_t bytes = 0;
};

// Gives the calling worker a stack for signal handlers and, the first time, installs the handler that tells a task's
// guard from any other bad address. A handler the program installed before is called for everything that is not ours;
// one it installs later replaces this one. Returns the thread's own stack.
ThreadStack prepare_thread_for_overflow() noexcept;

// For stacks without a guard: the words below the stack were found changed.
[[noreturn]] void die_of_overflow(const Task& task) noexcept;

}  // namespace vigil::detail
