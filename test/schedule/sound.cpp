#include "test/schedule/sound.hpp"

#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

namespace vigil::test {

void expect_sound(const Program& program, Bounds bounds) {
  if (const char* const given = std::getenv("VIGIL_TEST_SCHEDULE"); given != nullptr) {
    const Explored one = replay(program, Schedule::parse(given), bounds);
    EXPECT_EQ(one.failure, "") << "trace " << one.trace;
    return;
  }
  const Explored explored = explore(program, bounds);
  std::cout << explored.schedules << " schedules of up to " << explored.longest << " choices, at most "
            << bounds.preemptions << " preemptions\n";
  EXPECT_EQ(explored.failure, "") << "tasks " << explored.trace
                                  << "\nagain: VIGIL_TEST_SCHEDULE=" << explored.failing.text();
  EXPECT_TRUE(explored.complete || !explored.failure.empty()) << "the bound on schedules was reached";
}

}  // namespace vigil::test
