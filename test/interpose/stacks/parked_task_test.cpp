// The stacks of real tasks, parked in the runtime, as a detector reads them at the end of a program.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "interpose/runtime_view.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/stacks/modules.hpp"
#include "vigil/vigil.hpp"

namespace vigil::shim {
namespace {

using Pcs = std::vector<std::uintptr_t>;

Pcs pcs_of(StackId id) {
  const auto frames = frames_of(id);
  return {frames.begin(), frames.end()};
}

Pcs seen_before_parking;

[[gnu::noinline]] void wait_for_ever(const vigil::Channel<int>& channel) {
  seen_before_parking = pcs_of(capture_stack());
  static_cast<void>(channel.receive());
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void descend(int depth, const vigil::Channel<int>& channel) {
  if (depth > 0) {
    descend(depth - 1, channel);
  } else {
    wait_for_ever(channel);
  }
  asm volatile("" ::: "memory");
}

std::map<std::uint64_t, Pcs> parked_stacks() {
  std::map<std::uint64_t, Pcs> stacks;
  EXPECT_TRUE(runtime()->settle(2'000'000'000));
  const RuntimePause paused(2'000'000'000);
  EXPECT_TRUE(static_cast<bool>(paused));
  for_each_actor([&](const vigil_probe_actor_view& view) {
    if (view.saved != nullptr)
      stacks[view.actor->id] = pcs_of(capture_parked(*view.saved, view.stack_low, view.stack_high));
    return true;
  });
  return stacks;
}

TEST(ParkedTask, ShowsTheFramesThatLedToTheWait) {
  const vigil::Channel<int> channel(0);
  vigil::go([channel] { descend(20, channel); });
  ASSERT_NE(runtime(), nullptr);
  const auto stacks = parked_stacks();
  ASSERT_EQ(stacks.size(), 1U);
  const Pcs& parked = stacks.begin()->second;

  // The runtime's function that the task called, then wait_for_ever, then the stack that the task saw itself.
  ASSERT_GE(seen_before_parking.size(), 22U);
  ASSERT_EQ(parked.size(), seen_before_parking.size() + 1);
  EXPECT_TRUE(runtime_code.holds(parked[0]));
  EXPECT_TRUE(std::equal(parked.begin() + 2, parked.end(), seen_before_parking.begin() + 1));
  // Outermost is the runtime's entry, and nothing made up behind it.
  EXPECT_TRUE(module_info(locate(parked.back()).module).is_vigil) << module_info(locate(parked.back()).module).path;

  channel.close();
}

TEST(ParkedTask, ThousandTasksAtOnePlaceShareOneStack) {
  const vigil::Channel<int> channel(0);
  for (int i = 0; i < 1000; ++i) vigil::go([channel] { static_cast<void>(channel.receive()); });
  const auto stacks = parked_stacks();
  EXPECT_EQ(stacks.size(), 1000U);
  for (const auto& [id, stack] : stacks) EXPECT_EQ(stack, stacks.begin()->second) << "task " << id;
  channel.close();
  runtime()->settle(2'000'000'000);
}

}  // namespace
}  // namespace vigil::shim
