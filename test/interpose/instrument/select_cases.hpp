// The cases of select_cases.cpp, run by task_cases.cpp.
#pragma once

#include <span>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

std::span<const Case> select_cases();

}  // namespace vigil::test
