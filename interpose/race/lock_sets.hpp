// Sets of locks held at an access, each once, as a number.
#pragma once

#include <cstdint>
#include <span>

#include "interpose/finding.hpp"
#include "interpose/locks/held_locks.hpp"
#include "interpose/race/context_tree.hpp"

namespace vigil::shim::race {

// What the actor holds now. Locks beyond the first kMostTold of a set are left out.
inline constexpr std::size_t kMostTold = 16;
LockSetId lock_set_of(locks::HeldLocks& held) noexcept;
// As they were when the set was first seen; valid for ever.
std::span<const ObjectInfo> locks_of(LockSetId set) noexcept;

}  // namespace vigil::shim::race
