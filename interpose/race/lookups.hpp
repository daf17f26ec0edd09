// What an access asks of its actor, answered from what the thread remembers of the last answers. Between enter() and
// leave() (engine_thread.hpp).
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/objects.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::race {

// Where what the thread remembers does not say it.
[[gnu::noinline]] LockSetId held_set_anew(EngineThread& thread) noexcept;
[[gnu::noinline]] PlaceId place_anew(EngineThread& thread, EngineThread::KnownPlace& known, std::uintptr_t pc,
                                     ContextId context, LockSetId held) noexcept;

// The slot of the running actor's epoch is known to be its own (slot_owners.hpp), before a record names that epoch.
[[gnu::noinline]] void name_slot_anew(EngineThread& thread, Epoch at) noexcept;
[[gnu::always_inline]] inline void name_slot(EngineThread& thread, Epoch at) noexcept {
  if (thread.part->named != at.slot()) [[unlikely]]
    name_slot_anew(thread, at);
}

// The set of the locks that the running actor holds, if it holds none, or the one whose set was asked for last; else
// kNoSet.
inline constexpr LockSetId kNoSet{~std::uint32_t{0}};
[[nodiscard, gnu::always_inline]] inline LockSetId known_held_set(const EngineThread& thread) noexcept {
  const locks::HeldLocks& held = thread.actor->held;
  if (held.empty()) return LockSetId{0};
  const locks::HeldLock& oldest = held.oldest();
  const EngineThread::KnownSet& known = thread.known_set;
  const bool is_known = known.count == 1 && known.locks[0] == oldest.lock && held.count() == 1 &&
                        oldest.object->is_held_as(oldest.acquisition);
  return is_known ? known.set : kNoSet;
}
// The set of the locks that the running actor holds.
[[gnu::always_inline]] inline LockSetId held_set(EngineThread& thread) noexcept {
  const LockSetId known = known_held_set(thread);
  return known != kNoSet ? known : held_set_anew(thread);
}

// The place of pc, with the locks held here.
[[gnu::always_inline]] inline PlaceId place_at(EngineThread& thread, std::uintptr_t pc, ContextId context) noexcept {
  const LockSetId held = held_set(thread);
  EngineThread::KnownPlace& known = thread.memos.place_for(pc, context);
  if (known.is_for(pc, context, held)) [[likely]]
    return known.place();
  return place_anew(thread, known, pc, context, held);
}

// A captured stack as a context.
inline ContextId context_of_stack(EngineThread& thread, StackId captured) noexcept {
  // No call has such a return address.
  const std::uintptr_t as_address = std::uintptr_t{1} << 63U | static_cast<std::uint32_t>(captured);
  Memos::KnownContext& known = thread.memos.context_for(as_address, kRootContext);
  if (known.return_address != as_address || known.caller != kRootContext) {
    known = {as_address, kRootContext, context_of(captured)};
    thread.note_filled();
  }
  return known.context;
}

// Whether it is seen at once that this epoch of another actor is in the past of the running one, whose clock that is.
// False: it may be there all the same.
[[nodiscard, gnu::always_inline]] inline bool is_seen_ordered(EngineThread& thread, const ActorClock& clock,
                                                              Epoch epoch) noexcept {
  if (clock.sees_at_once(epoch)) return true;
  const EngineThread::KnownOrder& known = thread.order_with(epoch.slot());
  return known.self == thread.actor_key && known.other == epoch.slot() && epoch.time() <= known.until;
}
// Whether it is.
[[gnu::noinline]] bool is_ordered_slow(EngineThread& thread, const ActorClock& clock, Epoch epoch) noexcept;
inline bool is_ordered(EngineThread& thread, const ActorClock& clock, Epoch epoch) noexcept {
  return is_seen_ordered(thread, clock, epoch) || is_ordered_slow(thread, clock, epoch);
}

}  // namespace vigil::shim::race
