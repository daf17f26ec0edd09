// Tests: which test of the program's framework ran when, as its listener tells (runtime/include/vigil/gtest.hpp).
#pragma once

#include <string_view>

#include "interpose/finding.hpp"

namespace vigil::shim::tests {

void begins(std::string_view suite, std::string_view name) noexcept;
void ends() noexcept;

// The test a finding belongs to: the one that the first participant's task was started in, else the one that runs now.
// "" when there is none. Valid for ever.
std::string_view test_of(const Finding& finding) noexcept;

}  // namespace vigil::shim::tests
