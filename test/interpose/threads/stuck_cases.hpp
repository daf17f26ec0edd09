// The cases of programs that hang, or only seem to, by what they wait for.
#pragma once

#include <span>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

std::span<const Case> word_cases();
std::span<const Case> worker_cases();

}  // namespace vigil::test
