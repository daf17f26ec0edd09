// TaskRoom: where what the shim keeps of a task lies, at the upper end of the task's own stack, in the room that the
// runtime leaves its watcher there. A stack's uppermost page is memory as soon as there is a task, and most of it is
// never used: a million tasks alive need 380 MiB less than with blocks of the shim's own.
//
// Invariant: room_below() is that of every task, or of none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/race/engine_thread.hpp"
#include "vigil/probe.h"

namespace vigil::shim {

struct TaskRoom {
  alignas(Actor) std::byte actor[sizeof(Actor)];
  alignas(race::ActorPart) std::byte part[sizeof(race::ActorPart)];
};
inline constexpr std::size_t kRoomAlignment = 64;
inline constexpr std::size_t kRoomBytes = (sizeof(TaskRoom) + kRoomAlignment - 1) / kRoomAlignment * kRoomAlignment;

// Asks the runtime for it. Once, before its first task.
void reserve_task_room() noexcept;
// Null: the runtime leaves none, being older than this shim.
TaskRoom* room_of(vigil_probe_actor* task) noexcept;
// Where the closure of a task ends, or its uppermost frame.
std::uintptr_t end_of_frames(const vigil_probe_actor* task) noexcept;

}  // namespace vigil::shim
