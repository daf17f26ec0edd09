// Lock events: what a lock's probes mean for who holds what, for the order of locks, and for the clocks.
#pragma once

#include "interpose/actor.hpp"
#include "interpose/locks/held_locks.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

enum class Attempt : std::uint8_t {
  Blocking,
  Tried,  // would have come back without the lock rather than wait
};

// The actor is about to park for the lock. On the actor's own thread.
void wanted(Actor& actor, LockObject& lock, LockMode mode) noexcept;
// The actor does not wait any more, and did not get what it wanted.
void gave_up(Actor& actor) noexcept;
// The actor has it now. On its own thread, or after wanted().
void taken(Actor& actor, LockObject& lock, LockMode mode, Attempt attempt) noexcept;
// The same, exclusively, of a lock that it took there while it was the only one.
void taken_before(Actor& actor, LockObject& lock, StackId stack) noexcept;
// Of a lock that taken() will not be told of: what it says about the order that the actor takes it, and holds others.
// The moment for HeldLock::told_at. Keeps errno.
std::uint64_t taken_inside(Actor& actor, LockObject& lock, LockMode mode, StackId stack) noexcept;
// taken() of a lock for which nobody waited, when locks order nothing, at that place. Exclusively, and for reading.
// Keep errno.
struct TakenAt {
  StackId stack = kNoStack;
  std::uint16_t recent = 0;  // as HeldLock's
};
void holds_anew(Actor& actor, LockObject& lock, TakenAt place) noexcept;
void reads_anew(Actor& actor, LockObject& lock, TakenAt place) noexcept;
// The actor is about to give it back, be it its taker or not.
void released(Actor& actor, LockObject& lock, LockMode mode) noexcept;
// The lock goes, and the record with it.
void destroyed(LockObject* lock) noexcept;
// The actor's clock is about to end: whoever gets a lock that it still holds (a robust one) goes on after all it did.
void hand_over(Actor& actor) noexcept;
// The actor sleeps, says that it is done, or ends: first of all it is seen to that an unlock by somebody else can be
// judged. While the whole order is not kept, a vigil lock's taker may have handed it over in ways that nobody noted;
// but who comes here and has told nobody anything since has not, and from here on the order is kept. Few programs come
// here with such a lock.
void leaves_locked(Actor& actor) noexcept;
// The actor ends, with whatever it still holds.
void actor_ends(Actor& actor) noexcept;

// Writes the record `lock_order`. Waits a bounded time for the graph.
void write_lock_order() noexcept;

}  // namespace vigil::shim::locks
