// Programs for the order that pthread's and C11's primitives make, and vigil's beside them. Each case touches one
// Traced variable from two actors; what lies between them decides whether the shim may call it a race. The case's first
// word says which: clean or race.
#pragma once

#include <span>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

std::span<const Case> lock_race_cases();

}  // namespace vigil::test
