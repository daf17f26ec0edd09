// SlotOwners: which actor had a clock slot at which time, for the older half of a race.
//
// A slot has one owner after another (slot_pool.hpp). Of each the first time at which it touched memory is kept, for as
// long as the shadow leads to an access of its: the collector says which those are (collect.cpp). So a program that
// starts and ends tasks for days keeps no more of those that ended than of what they left in memory, and the older half
// of a race always has a name.
#pragma once

#include <cstddef>

#include "interpose/actor.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

// The owner of that epoch's slot is `who` from that epoch on.
void own_slot(Epoch from, ActorKey who) noexcept;
struct SlotOwner {
  bool known = false;
  ActorKey who{};
};
SlotOwner owner_of(Epoch at) noexcept;

// ---- for the collector; one at a time -------------------------------------------------------------------------------
// Of the owners whom others had followed by the last mark_owners(), settle_owners() forgets those of whom no epoch was
// given to keep_owner() in between. Those whom others follow later stay until the next time.
void mark_owners() noexcept;
void keep_owner(Epoch at) noexcept;
void settle_owners() noexcept;

std::size_t former_owners() noexcept;  // kept now, of all slots; for tests, when all is quiet

}  // namespace vigil::shim::race
