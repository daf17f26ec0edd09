// What an access asks of its actor, answered from what the thread remembers of the last answers. Between enter() and
// leave() (engine_thread.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "interpose/actor.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::race {

// The set of the locks that the running actor holds.
inline LockSetId held_set(EngineThread& thread) noexcept {
  locks::HeldLocks& held = thread.actor->held;
  if (held.empty()) return LockSetId{0};
  const std::span<const locks::HeldLock> live = held.live();
  if (live.empty()) return LockSetId{0};
  EngineThread::KnownSet& known = thread.known_set;
  const auto is_lock = [](const locks::HeldLock& one, locks::LockId lock) { return one.lock == lock; };
  const auto end = known.locks.begin() + static_cast<std::ptrdiff_t>(known.count);
  if (std::equal(live.begin(), live.end(), known.locks.begin(), end, is_lock)) return known.set;
  const LockSetId set = lock_set_of(held);
  if (live.size() <= known.locks.size()) {
    known.count = live.size();
    for (std::size_t i = 0; i < live.size(); ++i) known.locks[i] = live[i].lock;
    known.set = set;
  }
  return set;
}

// The place of pc, with the locks held here.
inline PlaceId place_at(EngineThread& thread, std::uintptr_t pc, ContextId context) noexcept {
  const LockSetId held = held_set(thread);
  EngineThread::KnownPlace& known = thread.memos.place_for(pc, context);
  if (known.pc != pc || known.context != context || known.held != held) {
    known = {pc, context, held, place_of(context, pc, held)};
    thread.note_place_filled();
  }
  return known.place;
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

// Whether that epoch of another actor is in the past of the running one, whose clock that is.
[[gnu::noinline]] bool is_ordered_slow(EngineThread& thread, const ActorClock& clock, Epoch epoch) noexcept;
inline bool is_ordered(EngineThread& thread, const ActorClock& clock, Epoch epoch) noexcept {
  const EngineThread::KnownOrder& known = thread.order_with(epoch.slot());
  if (known.self == thread.actor_key && known.other == epoch.slot() && epoch.time() <= known.until) return true;
  return is_ordered_slow(thread, clock, epoch);
}

}  // namespace vigil::shim::race
