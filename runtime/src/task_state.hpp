// TaskState: what an actor is doing, and which changes are allowed. Values are those of probe.h.
#pragma once

#include <cstdint>

#include "vigil/probe.h"

namespace vigil::detail {

enum class TaskState : std::uint32_t {
  None = 0,                        // no task lives in this slot
  Runnable = VIGIL_TASK_RUNNABLE,  // in exactly one run queue; nobody touches its stack
  Running = VIGIL_TASK_RUNNING,    // on one worker, which owns its stack
  Parked = VIGIL_TASK_PARKED,      // in the wait queues it joined; whoever takes it out owns its next move
};

// Plain threads know only Running and Parked: who wakes one makes it Running, since no run queue lies between.
constexpr bool may_move(TaskState from, TaskState to) noexcept {
  switch (from) {
    case TaskState::None:
      return to == TaskState::Runnable || to == TaskState::Running;
    case TaskState::Runnable:
      return to == TaskState::Running;
    case TaskState::Running:
      return to != TaskState::Running;
    case TaskState::Parked:
      return to == TaskState::Runnable || to == TaskState::Running;
  }
  return false;
}
static_assert(!may_move(TaskState::None, TaskState::Parked));
static_assert(!may_move(TaskState::Runnable, TaskState::Parked));

}  // namespace vigil::detail
