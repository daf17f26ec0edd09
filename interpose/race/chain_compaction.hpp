// Deep chains without what their actors' later accesses stand for.
//
// A read or an atomic access puts its record on a deep chain without looking through it (transition.hpp), so what the
// actor itself did before stays further down: thousands that read one flag again and again would leave a record a read.
// A chain that is twice as deep as when it was last looked through is looked through again, once for all actors, so it
// stays a few times as deep as it must be, and a record costs its making and a share of that.
#pragma once

#include "interpose/race/access_states.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/shadow_map.hpp"

namespace vigil::shim::race {

inline bool wants_compaction(StateId chain) noexcept {
  const AccessNode& head = node_of(chain);
  return head.chain.depth >= head.compact_at();
}

// Gives the granule, which has just got that chain by that access, one that means the same without what is superseded:
// by a later access of the same actor, or by this one. Returns that chain; or the old one if there was nothing to do,
// somebody else is doing it, or the granule is another's by now. ordered: as in add_access().
StateId compact(StateCache& cache, ShadowCell& cell, StateId chain, AccessWord access, KnowsRef ordered) noexcept;

void compaction_forked() noexcept;

}  // namespace vigil::shim::race
