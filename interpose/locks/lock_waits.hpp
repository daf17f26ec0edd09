// Lock waits: which actors wait for locks, joins and calls of their own now, and the rings in that which nothing can
// end.
//
// An actor that waits for a lock waits for whoever holds it; one that joins waits for the thread. When such waits lead
// round to where they began, each of them waits for the next for ever, whatever else the program does: that is a
// deadlock, and known as such in the moment in which the last of them begins to wait. So is a wait for a lock whose
// holder ended with it.
//
// Why a ring is certain: each member is entered here before it waits and taken out after, and gives nothing back in
// between; each hold is recorded after the real lock and before the real unlock. A wait that was left by a long jump is
// not taken out, so a ring is told only after a second look, when its threads sleep in the kernel.
//
// Left out, since others may end the wait: timed waits; condition variables, semaphores, channels (deadlock.hpp sees to
// these when nothing moves at all); a lock that was ever given back by somebody else than its taker; one of vigil's
// locks for which its own holder waits, since another task may be meant to unlock it: that is told when memory proves
// that nobody can (leaks/patrol.hpp), or at the end.
//
// Threads: everything is guarded by one lock of this file's; an actor that is entered does not change what it holds.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <span>

#include "interpose/actor.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

inline LockId id_of(const LockObject& lock) noexcept { return static_cast<LockId>(lock.id); }

// Whether the actor's wait for that lock would close a ring.
bool closes_ring(Actor& actor, LockObject& lock, LockMode mode) noexcept;
// The actor is about to wait for the lock, at that stack. A ring that it closes will be told.
void begin_wait(Actor& actor, LockObject& lock, LockMode mode, StackId stack) noexcept;
// The actor is about to wait for the end of that thread, which may not have begun yet.
void begin_join(Actor& actor, pthread_t joined, StackId stack) noexcept;
// On the thread that makes a call for the actor (vigil::blocking()): the actor waits until that call returns.
void begin_own_call(Actor& actor, StackId stack) noexcept;
void end_wait(Actor& actor) noexcept;
// The lock was abandoned by its holder: who waits for it waits for ever.
void look_at_waiters_of(LockObject& lock) noexcept;

// On the watch's thread: looks again at the rings that were suspected a moment ago, and tells those that stand.
// Returns how many were told.
std::size_t tell_standing_rings() noexcept;
bool has_suspects() noexcept;
// When nobody is left who might unlock them, or the program ends: tells the rings as they stand, and whoever waits for
// a vigil lock that it holds itself.
void tell_final_rings() noexcept;
// Whether the actor, which stands still, waits for one of vigil's locks that it holds itself, if that is the lock.
bool waits_for_its_own(const Actor& actor, const LockObject& lock) noexcept;
// Whether anybody may.
bool is_any_own_wait() noexcept;
// Nobody else alive can unlock what each of those waits for and holds: tells them, unless they are told.
void tell_own_waits(std::span<const ActorKey> actors) noexcept;
// A ring was told that is not over locks alone (leaks/patrol.hpp).
void note_told_ring(std::span<const ActorKey> members) noexcept;
// Whether this actor is part of a ring that was told.
bool is_in_told_ring(ActorKey actor) noexcept;
// Whether any ring was told.
bool ring_was_told() noexcept;
// In the child of a fork.
void forget_waits_after_fork() noexcept;

}  // namespace vigil::shim::locks
