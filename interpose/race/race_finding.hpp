// The finding that two accesses make, in the same words whichever engine saw them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "interpose/finding.hpp"

namespace vigil::shim::race {

// One of the two. A free is a write of its whole block.
struct RaceSide {
  ActorInfo actor;
  bool is_write = false;
  bool is_atomic = false;
  bool is_free = false;
  std::size_t bytes = 0;
  StackId stack = kNoStack;
  std::span<const std::int32_t> held = {};  // indices into the finding's objects
};

// objects[0] is what was accessed, subject the words for it: "a heap block", "a variable on the stack of task 7". An
// older side that freed it makes a use-after-free, any other a data-race.
void tell_race(const RaceSide& newer, const RaceSide& older, std::span<const ObjectInfo> objects,
               std::string_view subject, std::uint64_t count) noexcept;

}  // namespace vigil::shim::race
