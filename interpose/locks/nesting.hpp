// Nesting: what of a wish's two stacks is about the order of its two locks. The innermost call that both stacks have in
// common took the one lock and came to want the other; from there inwards the stacks show where and how. Further out
// are that function's callers, which have no part in the order: whoever calls it, the defect is one.
#pragma once

#include <cstdint>

#include "interpose/stack_capture.hpp"

namespace vigil::shim::locks {

// A number that is equal, in this process, where the nesting is. reports/model/fingerprint.cpp cuts stacks in the same
// way, by names.
std::uint64_t nesting_of(StackId taken_at, StackId wanted_at) noexcept;

}  // namespace vigil::shim::locks
