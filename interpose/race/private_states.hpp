// Private states: the state of a granule that is used in ever new epochs by itself, not as part of an array: a local
// variable, a counter under a lock, what the threads of a pool share. As an immutable chain it would need a new record
// at every such use, and the collector to find the old ones. So it gets records of its own that are changed in place:
// two or three in its node, or more in a block besides (wide_records.hpp).
//
// Model: the same set of accesses as the chain of its records; step_private() does to it what add_access()
// (transition.hpp) does to a chain, as long as nothing races and there is room. Else it says so, and the granule gets
// more room, or its chain back.
//
// Invariants
//   P1  A private state is the state of one granule for its whole life. Its records change only while its lock is held
//       by somebody who has seen, with the lock held, that the granule still has it. Whoever gives the granule another
//       state holds the lock as well (forget() aside, which nobody may race with).
//   P2  Of a state with its records in the node: the first record (`word`) is never absent. A record that is kept while
//       another is added goes from first to second, never the other way, and is in second before it leaves first: who
//       reads first and then second without the lock misses none that was there all the time. A third record
//       (narrow_records.hpp) is of the epoch of one of them, so no epoch of an actor that has ended is missed either.
//   P3  None of its records is raced or a free.
// Threads: between enter() and leave() (engine_thread.hpp), so that the collector leaves the number alone.
#pragma once

#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

enum class PrivateStep : std::uint8_t {
  Done,   // the access is in the state, or was covered by it
  Gone,   // the granule has another state by now: look again
  Races,  // nothing was changed
  Full,   // there is no room for one more record: nothing was changed
};

// What an access finds in a private state. Takes no lock, so of other actors' records it says what may be; records of
// the access's own epoch are made by the thread that runs in it, so by the caller, and nobody supersedes them before it
// ends.
struct PrivateView {
  bool is_covered = false;  // the access changes nothing; `covered` is what the records of its epoch cover
  bool is_alone = false;    // as far as bytes tell, only this access will be left, of the whole granule
  Covered covered;
};
PrivateView look_at_private(StateId id, AccessWord access) noexcept;

// One access to the granule of that cell, whose state was `id`. ordered: as in add_access().
PrivateStep step_private(const ShadowCell& cell, StateId id, const AccessRecord& access, KnowsRef ordered,
                         Covered& covered) noexcept;

// What that access clashes with in the private state, as find_clashes() does. False: the granule has another state.
bool find_private_clashes(const ShadowCell& cell, StateId id, AccessWord access, KnowsRef ordered,
                          Clashes& clashes) noexcept;

// Whether a granule that has this chain had better get a private state: it was changed without company.
bool wants_private(StateId chain) noexcept;
// A private state nobody has seen yet, that is `chain` with one more access. kUntouched: it does not fit, or there is
// no room.
StateId make_private(StateCache& cache, StateId chain, const AccessRecord& access, KnowsRef ordered,
                     Covered& covered) noexcept;
// Gives the granule the chain of the same records, if it still has `id`. False: there is no room for it.
bool make_chain(StateCache& cache, ShadowCell& cell, StateId id) noexcept;

// If that access, a plain write or a free, is all that will be left, and of the whole granule, gives the granule the
// state `alone`, that of its record. The way back from what was private to what others share: an array that was put
// together piece by piece, and is now swept from end to end.
bool share(ShadowCell& cell, StateId id, const AccessRecord& access, KnowsRef ordered, StateId alone) noexcept;

// Gives the granule another private state with the same records and more room, if it still has `id`. False: there is no
// room for so many.
bool widen(StateCache& cache, ShadowCell& cell, StateId id) noexcept;

}  // namespace vigil::shim::race
