// Vector clocks: what happened before what. The model, with K(x) the set of epochs that x knows:
//
//   release_store(a, s)   K(s) = K(a) + now(a);            time of a + 1
//   release_merge(a, s)   K(s) = K(s) + K(a) + now(a);     time of a + 1
//   acquire(a, s)         K(a) = K(a) + K(s)
//   acquire_and_release   acquire(a, s), then release_merge(a, s)
//   start(c, p)           K(c) = K(p) + now(p);            time of p + 1
//   meet(a, b)            both know K(a) + K(b) + now(a) + now(b); both times + 1
//
// and to know an epoch is to know every earlier one of its slot. Each set is one Knowledge (knowledge.hpp): a reference
// to a shared, persistent tree and a few recent epochs, so start and release hand it out in O(1), and an acquire that
// learns nothing (or learns from one who knew all we know) is O(1) too. Compared with a plain array of numbers in the
// tests.
//
// Threads: one thread at a time uses one clock. An actor's belongs to whoever runs the actor (or, while it is parked,
// acts for it under the primitive's lock); a SyncClock is used under its primitive's lock or the owner's own.
#pragma once

#include "interpose/race/epoch.hpp"
#include "interpose/race/knowledge.hpp"

namespace vigil::shim::race {

// What one actor knows, and its own epoch. Not an actor until started; 80 bytes, movable.
// An Actor may hold two (with and without the edges of locks): each has a slot of its own.
class ActorClock {
 public:
  constexpr ActorClock() noexcept = default;
  [[nodiscard]] bool started() const noexcept { return at_ != Epoch(); }
  [[nodiscard]] ClockSlot slot() const noexcept { return at_.slot(); }
  // Where the current epoch's bits lie as long as the clock does: for the race engine, which asks at every access.
  [[nodiscard]] const std::uint64_t* epoch_word() const noexcept { return at_.word(); }
  // Whether the actor is seen at once to know that epoch of another one: it usually is, if it does and few are known.
  [[nodiscard, gnu::always_inline]] bool sees_at_once(Epoch epoch) const noexcept {
    return known_.is_few() && FewTimes::holds(epoch.slot()) && epoch.time() <= known_.few().at(epoch.slot());
  }
  // The current epoch, to be kept with an access in the engine's shadow, which can tell when it holds it no more.
  Epoch now_in_shadow() noexcept {
    kept_ = true;
    return at_;
  }

 private:
  friend struct ClockOps;
  Knowledge known_;          // of others; what it says about its own slot is out of date and not read
  Epoch at_;                 // null: not started, or ended; its time is that of the next release
  bool used_ = false;        // now() was given out at at_: somebody may hold this epoch
  bool kept_ = false;        // the race engine's shadow may hold accesses at at_
  bool needs_self_ = false;  // the frontier (knowledge.hpp) has the release before at_ in it as well
};

// The snapshot that a lock, a channel slot, a wait group ... carries from its releases to its acquires. 64 bytes,
// movable.
class SyncClock {
 public:
  constexpr SyncClock() noexcept = default;
  [[nodiscard]] bool empty() const noexcept { return known_.empty(); }  // never released into
  void clear() noexcept { known_.clear(); }

 private:
  friend struct ClockOps;
  Knowledge known_;
};

// ---- life -----------------------------------------------------------------------------------------------------------
// The first actor, or one of whose creation nothing is known: it knows nothing.
void start(ActorClock& first) noexcept;
// child is new (not started, or ended); parent is started. A release of the parent.
void start(ActorClock& child, ActorClock& parent) noexcept;
// No effect on others (a join is a release of its own before this). The clock may be started again.
void end(ActorClock& actor) noexcept;

// ---- edges ----------------------------------------------------------------------------------------------------------
void acquire(ActorClock& actor, const SyncClock& sync) noexcept;
void release_store(ActorClock& actor, SyncClock& sync) noexcept;
void release_merge(ActorClock& actor, SyncClock& sync) noexcept;
// A read-modify-write's: acquire(), then release_merge().
void acquire_and_release(ActorClock& actor, SyncClock& sync) noexcept;
// The channel slot's step, for send and receive alike: the slot gets what the actor knew, the actor learns what the
// slot held.
void release_store_acquire(ActorClock& actor, SyncClock& sync) noexcept;
// K(into) = K(into) + K(from): what a release fence left, or what relaxed loads have collected.
void merge(SyncClock& into, const SyncClock& from) noexcept;
// A rendezvous: each learns all the other knows. a and b are two.
void meet(ActorClock& a, ActorClock& b) noexcept;

// ---- questions ------------------------------------------------------------------------------------------------------
// The actor's current epoch, to be kept with an access or a misuse. Its next release publishes it.
Epoch now(ActorClock& actor) noexcept;
// Whether that moment is in the actor's past: everything its owner did up to and at that epoch happened before.
bool happened_before(Epoch epoch, const ActorClock& actor) noexcept;
// Whether everybody who acquires sync now will know that epoch.
bool happened_before(Epoch epoch, const SyncClock& sync) noexcept;
// Whether the actor knows all of sync already. false may be wrong, true is not; O(1).
bool knows_all(const ActorClock& actor, const SyncClock& sync) noexcept;
// Aborts when what is said in knowledge.hpp and clock_tree.hpp does not hold of it; for tests.
void check_invariants(const ActorClock& actor) noexcept;

}  // namespace vigil::shim::race
