// Task: the control block of one task. It lies at the top of the task's own stack, so that an idle task costs one page.
//
// From the slot's upper end downwards: a few cache lines of colour (tasks of neighbouring slots must not share cache
// sets), this block, the watcher's room, the closure, then the frames. See stack_pool.hpp for the slot.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/src/actor.hpp"
#include "runtime/src/fiber.hpp"
#include "runtime/src/sanitizer_fiber.hpp"

namespace vigil::detail {

enum class GuardKind : std::uint8_t {
  None,         // not decided yet: the slot has never been used
  Lightweight,  // a page marker of the kernel (MADV_GUARD_INSTALL), no mapping of its own
  Mapping,      // an inaccessible mapping
  Canary,       // nothing: the lowest words are looked at when the task switches
};

struct Task : Actor {
  SavedContext context = nullptr;  // while it does not run
  Task* next = nullptr;            // free: in the list it is in
  Task* next_batch = nullptr;      // free: the next batch of free slots
  void (*run)(void* closure) = nullptr;
  void* closure = nullptr;
  std::byte* stack_top = nullptr;     // where its first frame begins
  std::size_t closure_alignment = 0;  // not 0: the closure is on the heap
  ExceptionState exceptions;          // while it does not run

  // These belong to the slot and outlive the task.
  std::byte* stack_low = nullptr;   // lowest usable byte
  std::byte* stack_high = nullptr;  // end of the slot
  GuardKind guard = GuardKind::None;
  [[no_unique_address]] SanitizerFiber sanitizer;
};
static_assert(sizeof(Task) <= 192, "an idle task must fit one page together with its frames");

// Bytes right below each block that are a watcher's (vigil_probe_runtime::reserve_room): what it keeps of a task costs
// no memory of its own then, for little of the page is used. relaxed: set before the first task, or never.
inline constinit std::atomic<std::size_t> watcher_room{0};

// Where the closure may end.
inline std::byte* end_below(Task& task) noexcept {
  return reinterpret_cast<std::byte*>(&task) - watcher_room.load(std::memory_order_relaxed);
}

// Fetches the block and what lies below it, the watcher's room, the closure and the uppermost frames, for writing.
// Slots are never unmapped.
inline void prefetch(const Task& task) noexcept {
  constexpr std::ptrdiff_t kLine = 64;
  constexpr std::ptrdiff_t kLinesBelow = 4;
  const auto* const block = reinterpret_cast<const std::byte*>(&task);
  const auto room = static_cast<std::ptrdiff_t>(watcher_room.load(std::memory_order_relaxed));
  for (std::ptrdiff_t line = -kLinesBelow - room / kLine; line * kLine < static_cast<std::ptrdiff_t>(sizeof(Task));
       ++line)
    __builtin_prefetch(block + line * kLine, 1);
}

// The task behind an actor known to be one.
inline Task& task_of(Actor& actor) noexcept { return static_cast<Task&>(actor); }

}  // namespace vigil::detail
