#include "test/runtime/world.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "test/runtime/support.hpp"

namespace vigil::test {

using namespace std::chrono_literals;

namespace {
constexpr auto kPatience = 20s;
}

void settle() {
  const int settled = runtime().settle(static_cast<std::uint64_t>(std::chrono::nanoseconds(kPatience).count()));
  ASSERT_EQ(settled, 1) << "some task goes on and on";
}

std::size_t parked(std::uint32_t kind) {
  return static_cast<std::size_t>(
      std::ranges::count_if(actors(), [kind](const Seen& one) { return one.wait_kind == kind; }));
}

void await_parked(std::uint32_t kind, std::size_t count) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (parked(kind) < count) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << parked(kind) << " parked, not " << count;
    std::this_thread::sleep_for(100us);
  }
}

void until_timers(std::uint64_t count) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (counts().timers != count) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << counts().timers << " deadlines, not " << count;
    std::this_thread::sleep_for(20us);
  }
}

}  // namespace vigil::test
