// ContextTree: every calling context once, as a number; so that each access in the shadow can name its whole stack.
//
// A node is (parent, step). From the root outwards-in: a step per call (its return address), then at most one that says
// where the access is (its own return address), then at most one that says which locks were held. A thing of the latter
// two sorts is a PlaceId; a chain of calls alone is a ContextId. Both are numbers of nodes. Where nobody tells of the
// calls, one step is a whole captured stack, in their place and the access's.
//
// Invariants
//   I1  A node never changes and never goes; equal (parent, step) are one node.
//   I2  Finding a node takes no lock. Adding one takes one, and may enlarge the index; old indexes stay readable.
// A program whose recursion takes ever new ways would fill memory with contexts: after kMost nodes new calls get the
// context kCut, whose stack ends there.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/race/memory.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim::race {

enum class ContextId : std::uint32_t {};  // 0: not computed yet
inline constexpr ContextId kNoContext{0};
inline constexpr ContextId kRootContext{1};  // where a thread or task begins
inline constexpr ContextId kCutContext{2};   // somewhere below more contexts than we keep

// Sets of locks held, as numbers (lock_sets.hpp). 0: none.
enum class LockSetId : std::uint32_t {};

ContextId context_of(ContextId caller, std::uintptr_t return_address) noexcept;
// A captured stack, up to where the access is: places in it have no return address of their own, 0.
ContextId context_of(StackId captured) noexcept;
PlaceId place_of(ContextId context, std::uintptr_t return_address, LockSetId held) noexcept;

LockSetId held_at(PlaceId place) noexcept;
std::uintptr_t return_address_at(PlaceId place) noexcept;  // as place_of() was given it; 0: unknown
std::size_t contexts_made() noexcept;                      // nodes, for the log and for tests

}  // namespace vigil::shim::race
