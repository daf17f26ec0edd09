// Misuse of locks: findings of what no schedule makes right.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

// The actor holds the lock and wants it again, at that stack, in a way that waits for itself.
void tell_double_lock(const Actor& actor, const LockObject& lock, StackId stack) noexcept;
// The same of a lock that libc refuses such an actor.
void tell_lock_refused(const Actor& actor, const LockObject& lock) noexcept;
enum class Unlock : std::uint8_t {
  Called,
  ByWait,  // on a condition, which gives the mutex back
};
// lock: null when nothing is known of it.
void tell_unlock_not_held(Actor& actor, const LockObject* lock, Unlock how = Unlock::Called) noexcept;
// Another thread locked it, and pthread's locks have owners.
void tell_unlock_by_other(Actor& actor, LockObject& lock, Unlock how = Unlock::Called) noexcept;
// A vigil lock, which has no owner, is given back by somebody else than its taker: a finding when nothing orders the
// one after the other.
void note_unlock_by_other(Actor& actor, LockObject& lock) noexcept;
enum class Destruction : std::uint8_t {
  Called,
  Freed,  // the memory that it lies in is given back
};
// False, and nothing is told: static objects are destroyed because the program ends, whoever still holds their locks.
bool tell_destroy_locked(const LockObject& lock, Destruction how = Destruction::Called) noexcept;

}  // namespace vigil::shim::locks
