// Actor: who uses a primitive, a task or a plain thread, as primitives and watchers see it.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/src/task_state.hpp"
#include "vigil/probe.h"

namespace vigil::detail {

struct Actor {
  vigil_probe_actor probe{};  // first: a vigil_probe_actor* of ours is an Actor*
  // Written by whoever owns the actor's next move (task_state.hpp); relaxed, because what it did travels with the run
  // queue or the futex word. Watchers read it only while everything is paused.
  std::atomic<TaskState> state{TaskState::None};
  std::uint32_t flags = 0;  // VIGIL_ACTOR_...
  vigil_probe_wait wait{};  // filled before parking

  void move_to(TaskState next) noexcept { state.store(next, std::memory_order_relaxed); }
  [[nodiscard]] bool is_thread() const noexcept { return (flags & VIGIL_ACTOR_IS_THREAD) != 0; }
};

}  // namespace vigil::detail
