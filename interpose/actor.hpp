// Actor: who acts, as the shim knows it: one task of the runtime, or one thread of the operating system.
//
// Invariants
//   A1  A task's Actor hangs on its vigil_probe_actor::watch from its creation to its end, and is gone then
//       (task_room.hpp).
//   A2  A thread's Actor lives until nobody can join the thread; what a finding needs of it later is in its ActorKey.
//   A3  On each thread, current_actor() is the task that the thread runs, or else the thread itself.
//   A4  Fields without a comment belong to whoever runs the actor, or acts for it while it is parked.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/finding.hpp"
#include "interpose/locks/held_locks.hpp"
#include "interpose/order.hpp"
#include "interpose/stack_capture.hpp"
#include "vigil/probe.h"

namespace vigil::shim {

struct ThreadPart;
struct ThrowHistory;
struct ContextObject;
namespace race {
struct ActorPart;
struct Fences;
}  // namespace race

// Everything a finding says of an actor, in one word that outlives it: type, number, creation stack.
enum class ActorKey : std::uint64_t {};

struct Actor {
  std::uint64_t id = 0;  // task id, or the thread's number: main is 1
  StackId created_at = kNoStack;
  std::atomic<std::uint32_t> left_at_ms{0};  // coarse_ms() when it last left the processor; any thread may read it
  ActorType type = ActorType::Thread;
  bool is_daemon = false;
  bool has_room = false;         // it lies in a TaskRoom
  bool has_own_context = false;  // was started with it, and does not merely belong to its starter's
  order::Clocks clocks;
  locks::HeldLocks held;
  locks::LockId wanted{};  // what it is about to park for, and where it asked; 0: nothing
  StackId wanted_at = kNoStack;
  bool is_in_lock_waits = false;      // locks/lock_waits.hpp knows of it
  std::uint32_t wishes_added = 0;     // to the order of locks; each was a step of its clock
  std::uint32_t wanted_since_ms = 0;  // coarse_ms()
  StackId parked_at = kNoStack;       // where it last parked, of the parks whose place somebody asks for
  ContextObject* context = nullptr;   // that it belongs to; one reference (life/contexts.hpp)
  ThrowHistory* throws = nullptr;     // made by its first throw
  race::Fences* fences = nullptr;     // made by its first fence
  ThreadPart* thread = nullptr;       // threads only
  race::ActorPart* memory = nullptr;  // the race engine's; made by its first instrumented call or access
};

namespace detail {
// ActorKey: creation stack in the upper 28 bits, type in the next, number in the lower 35.
inline constexpr unsigned kTypeBit = 35;
inline constexpr unsigned kStackShift = 36;
inline constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kTypeBit) - 1;
}  // namespace detail
inline ActorKey key_of(const Actor& actor) noexcept {
  const std::uint64_t type = actor.type == ActorType::Task ? 1 : 0;
  return static_cast<ActorKey>(static_cast<std::uint64_t>(actor.created_at) << detail::kStackShift |
                               type << detail::kTypeBit | (actor.id & detail::kNumberMask));
}
// What a finding shows of it. The name is empty; state as given.
ActorInfo info_of(ActorKey key, std::string_view state) noexcept;
ActorInfo info_of(const Actor& actor, std::string_view state) noexcept;

// The actor that this thread runs now. Makes the thread known if it is not.
Actor& current_actor() noexcept;
// The actor of a probe. Null: whoever this thread runs.
Actor& actor_of(vigil_probe_actor* actor) noexcept;

// Whether a task was ever started.
bool tasks_were_started() noexcept;

// ---- changes, told by the probes -----------------------------------------------------------------------------------
Actor& create_task(vigil_probe_actor* parent, vigil_probe_actor* task, bool is_daemon) noexcept;
void end_task(vigil_probe_actor* task) noexcept;
// This thread now runs that task, or none.
void switch_to(vigil_probe_actor* task) noexcept;

// Milliseconds since some moment before the first event; the resolution is a scheduler tick, the cost a few ns.
std::uint32_t coarse_ms() noexcept;

}  // namespace vigil::shim
