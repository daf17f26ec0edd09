#include "interpose/task_room.hpp"

#include <new>

#include "interpose/runtime_view.hpp"

namespace vigil::shim {
namespace {
// relaxed: set before the first task.
constinit std::atomic<std::size_t> room_bytes{0};
}  // namespace

void reserve_task_room() noexcept {
  const vigil_probe_runtime* const table = runtime();
  if (table == nullptr || !has(*table, &vigil_probe_runtime::reserve_room)) return;
  if (table->reserve_room(kRoomBytes) != 0) room_bytes.store(kRoomBytes, std::memory_order_relaxed);
}

std::uintptr_t end_of_frames(const vigil_probe_actor* task) noexcept {
  return reinterpret_cast<std::uintptr_t>(task) - room_bytes.load(std::memory_order_relaxed);
}

TaskRoom* room_of(vigil_probe_actor* task) noexcept {
  if (room_bytes.load(std::memory_order_relaxed) == 0) return nullptr;
  return reinterpret_cast<TaskRoom*>(end_of_frames(task));
}

}  // namespace vigil::shim
