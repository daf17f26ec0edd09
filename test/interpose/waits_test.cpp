#include "interpose/waits.hpp"

#include <array>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "interpose/objects.hpp"

namespace vigil::shim {
namespace {

// Tasks that are parked, as the runtime would show them.
class Waits : public testing::Test {
 protected:
  ~Waits() override {
    for (const auto& task : tasks_) vigil_probe_task_end(&task->actor);
  }

  struct Task {
    vigil_probe_actor actor{};
    vigil_probe_case one{};
    vigil_probe_wait wait{};
  };
  Task& parked(std::uint32_t kind, const void* channel = nullptr) {
    static std::uint64_t last_id = 0;
    tasks_.push_back(std::make_unique<Task>());
    Task& task = *tasks_.back();
    task.actor.id = ++last_id;
    vigil_probe_task_create(nullptr, &task.actor, 0);
    task.one = {.channel = channel, .is_send = kind == VIGIL_WAIT_SEND ? 1U : 0U, .reserved = 0};
    task.wait = {.kind = kind, .case_count = 1, .cases = &task.one, .object = nullptr, .deadline_ns = 0};
    return task;
  }
  [[nodiscard]] std::uint64_t first_id() const { return tasks_.front()->actor.id; }
  static void add(BlockedActors& blocked, Task& task) {
    blocked.add_task({.actor = &task.actor,
                      .state = VIGIL_TASK_PARKED,
                      .flags = 0,
                      .wait = &task.wait,
                      .saved = nullptr,
                      .stack_low = 0,
                      .stack_high = 0});
  }

  std::array<char, 4> places{};  // addresses of channels

 private:
  std::vector<std::unique_ptr<Task>> tasks_;
};

TEST_F(Waits, EqualOnesAreOneGroupWithACount) {
  vigil_probe_channel_make(&places[0], 0);
  BlockedActors blocked;
  for (int i = 0; i < 1000; ++i) add(blocked, parked(VIGIL_WAIT_RECEIVE, &places[0]));
  const auto groups = blocked.groups();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0]->count, 1000U);
  EXPECT_EQ(groups[0]->actor.id, first_id());
  EXPECT_EQ(blocked.total(), 1000U);
  vigil_probe_channel_destroy(&places[0], 0);
}

TEST_F(Waits, AnotherSortOfWaitIsAnotherGroup) {
  vigil_probe_channel_make(&places[0], 0);
  BlockedActors blocked;
  add(blocked, parked(VIGIL_WAIT_RECEIVE, &places[0]));
  add(blocked, parked(VIGIL_WAIT_SEND, &places[0]));
  EXPECT_EQ(blocked.groups().size(), 2U);
  vigil_probe_channel_destroy(&places[0], 0);
}

TEST_F(Waits, ChannelsMadeElsewhereMakeAnotherGroup) {
  vigil_probe_channel_make(&places[0], 0);
  vigil_probe_channel_make(&places[1], 0);  // another line, so another creation stack
  BlockedActors blocked;
  add(blocked, parked(VIGIL_WAIT_RECEIVE, &places[0]));
  add(blocked, parked(VIGIL_WAIT_RECEIVE, &places[1]));
  EXPECT_EQ(blocked.groups().size(), 2U);
  vigil_probe_channel_destroy(&places[0], 0);
  vigil_probe_channel_destroy(&places[1], 0);
}

TEST_F(Waits, TheWordsSayWhatAndOnWhich) {
  vigil_probe_channel_make(&places[0], 3);
  Task& task = parked(VIGIL_WAIT_SEND, &places[0]);
  const WaitTarget target = target_of(task.wait);
  EXPECT_EQ(target.operation, "send");
  EXPECT_TRUE(target.words.view().starts_with("to send to channel c")) << target.words.view();
  EXPECT_TRUE(target.words.view().ends_with("(buffer of 3)")) << target.words.view();
  ASSERT_EQ(target.objects.size(), 1U);
  EXPECT_EQ(target.objects[0].capacity, 3);
  vigil_probe_channel_destroy(&places[0], 0);
}

TEST_F(Waits, ASelectNamesItsLiveChannels) {
  vigil_probe_channel_make(&places[0], 0);
  const std::array<vigil_probe_case, 2> cases{{{&places[0], 0, 0}, {nullptr, 1, 0}}};
  const vigil_probe_wait wait{
      .kind = VIGIL_WAIT_SELECT, .case_count = 2, .cases = cases.data(), .object = nullptr, .deadline_ns = 0};
  EXPECT_EQ(target_of(wait).objects.size(), 1U);
  vigil_probe_channel_destroy(&places[0], 0);
}

TEST_F(Waits, WhatAClockEndsNeedsNobody) {
  EXPECT_FALSE(
      needs_others({.kind = VIGIL_WAIT_SLEEP, .case_count = 0, .cases = nullptr, .object = nullptr, .deadline_ns = 5}));
  EXPECT_FALSE(needs_others(
      {.kind = VIGIL_WAIT_SELECT, .case_count = 0, .cases = nullptr, .object = nullptr, .deadline_ns = 5}));
  EXPECT_FALSE(needs_others(
      {.kind = VIGIL_WAIT_BLOCKING, .case_count = 0, .cases = nullptr, .object = nullptr, .deadline_ns = 0}));
  EXPECT_TRUE(needs_others(
      {.kind = VIGIL_WAIT_NIL_SEND, .case_count = 0, .cases = nullptr, .object = nullptr, .deadline_ns = 0}));
  EXPECT_TRUE(
      needs_others({.kind = VIGIL_WAIT_MUTEX, .case_count = 0, .cases = nullptr, .object = nullptr, .deadline_ns = 0}));
}

}  // namespace
}  // namespace vigil::shim
