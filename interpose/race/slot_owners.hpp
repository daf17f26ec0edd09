// SlotOwners: which actor had a clock slot at which time, for the older half of a race.
//
// A slot has one owner after another (slot_pool.hpp). Of each the first time at which it touched memory is kept; beyond
// kMostOwners of one slot the oldest are forgotten, and a race with one of them names nobody.
#pragma once

#include "interpose/actor.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

inline constexpr std::size_t kMostOwners = 4096;

// The owner of that epoch's slot is `who` from that epoch on.
void own_slot(Epoch from, ActorKey who) noexcept;
struct Owner {
  bool known = false;
  ActorKey who{};
};
Owner owner_of(Epoch at) noexcept;

}  // namespace vigil::shim::race
