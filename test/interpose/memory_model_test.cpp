// The edges of docs/memory_model.md, one fact a test, driven through the probes with actors of our own.
#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "interpose/actor.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/pthread_events.hpp"
#include "interpose/order.hpp"
#include "interpose/sync_events.hpp"
#include "vigil/probe.h"

namespace vigil::shim {
namespace {

class MemoryModel : public testing::Test {
 protected:
  static constexpr std::size_t kActors = 6;

  static void SetUpTestSuite() { ASSERT_TRUE(ensure_live()); }

  MemoryModel() {
    order::want(order::kWhole);
    order::want(order::kFirm);
    become_concurrent();
    for (vigil_probe_actor& task : tasks) create(task);
  }
  ~MemoryModel() override {
    vigil_probe_task_switch(nullptr);
    for (vigil_probe_actor& task : tasks) vigil_probe_task_end(&task);
  }
  MemoryModel(const MemoryModel&) = delete;
  MemoryModel& operator=(const MemoryModel&) = delete;

  static void create(vigil_probe_actor& task, vigil_probe_actor* parent = nullptr) {
    static std::uint64_t last_id = 0;
    task.id = ++last_id;
    vigil_probe_task_create(parent, &task, 0);
  }

  // A moment of one actor, in both orders.
  struct Moment {
    race::Epoch whole, firm;
  };
  static order::Clocks& clocks(vigil_probe_actor& task) { return actor_of(&task).clocks; }
  static Moment now(vigil_probe_actor& task) {
    return {race::now(order::whole(clocks(task))), race::now(order::firm(clocks(task)))};
  }
  // Whether that moment happened before what the actor does now.
  static bool before(const Moment& moment, vigil_probe_actor& task) {
    return race::happened_before(moment.whole, order::whole(clocks(task)));
  }
  static bool firmly_before(const Moment& moment, vigil_probe_actor& task) {
    return race::happened_before(moment.firm, order::firm(clocks(task)));
  }

  // Something with an address.
  const void* object() { return &objects_.at(used_++); }

  std::array<vigil_probe_actor, kActors> tasks{};
  vigil_probe_actor& a = tasks[0];
  vigil_probe_actor& b = tasks[1];
  vigil_probe_actor& c = tasks[2];

 private:
  std::array<char, 16> objects_{};
  std::size_t used_ = 0;
};

TEST_F(MemoryModel, NothingOrdersTwoTasksByItself) {
  const Moment of_a = now(a);
  EXPECT_FALSE(before(of_a, b));
  EXPECT_FALSE(firmly_before(of_a, b));
}

TEST_F(MemoryModel, AGoStatementHappensBeforeTheTask) {
  const Moment of_a = now(a);
  vigil_probe_actor child{};
  create(child, &a);
  const Moment after_go = now(a);
  EXPECT_TRUE(before(of_a, child));
  EXPECT_TRUE(firmly_before(of_a, child));
  EXPECT_FALSE(before(after_go, child));
  vigil_probe_task_end(&child);
}

TEST_F(MemoryModel, TheEndOfATaskOrdersNothing) {
  vigil_probe_actor child{};
  create(child, &a);
  const Moment of_child = now(child);
  vigil_probe_task_end(&child);
  EXPECT_FALSE(before(of_child, a));
}

TEST_F(MemoryModel, ASendHappensBeforeItsReceiveCompletes) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 2);
  const Moment of_a = now(a);
  vigil_probe_channel_send(&a, channel, 0);
  const Moment after_send = now(a);
  vigil_probe_channel_receive(&b, channel, 0);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_TRUE(firmly_before(of_a, b));
  EXPECT_FALSE(before(after_send, b));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, ASendDoesNotReachTheReceiverOfAnotherSlot) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 2);
  const Moment of_a = now(a);
  vigil_probe_channel_send(&b, channel, 0);
  vigil_probe_channel_send(&a, channel, 1);
  vigil_probe_channel_receive(&c, channel, 0);
  EXPECT_FALSE(before(of_a, c));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, TheKthReceiveHappensBeforeTheSendCLater) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 1);
  vigil_probe_channel_send(&a, channel, 0);
  const Moment of_b = now(b);
  vigil_probe_channel_receive(&b, channel, 0);
  EXPECT_FALSE(before(of_b, a));
  vigil_probe_channel_send(&a, channel, 0);
  EXPECT_TRUE(before(of_b, a));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, ARendezvousOrdersBothWays) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 0);
  const Moment of_a = now(a);
  const Moment of_b = now(b);
  vigil_probe_channel_meet(&a, &b, channel);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_TRUE(before(of_b, a));
  EXPECT_FALSE(before(now(a), b));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, AHandOverIsASendAndAReceive) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 1);
  const Moment of_a = now(a);
  const Moment of_b = now(b);
  vigil_probe_channel_pass(&a, &b, channel, 0);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_FALSE(before(of_b, a));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, FoldedSlotsOfAHugeBufferLoseNoEdge) {
  constexpr std::size_t kCapacity = 1U << 20U;
  constexpr std::size_t kFold = 1U << 16U;
  const void* const channel = object();
  vigil_probe_channel_make(channel, kCapacity);
  const Moment of_a = now(a);
  vigil_probe_channel_send(&a, channel, 0);
  vigil_probe_channel_send(&b, channel, kFold);  // the same point
  vigil_probe_channel_receive(&c, channel, 0);
  EXPECT_TRUE(before(of_a, c));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, ACloseHappensBeforeAReceiveThatReturnsBecauseOfIt) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 1);
  const Moment of_a = now(a);
  vigil_probe_channel_close(&a, channel);
  EXPECT_FALSE(before(of_a, b));
  vigil_probe_channel_receive_closed(&b, channel);
  EXPECT_TRUE(before(of_a, b));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, AChannelThatIsGoneOrdersNothingForItsSuccessor) {
  const void* const channel = object();
  vigil_probe_channel_make(channel, 1);
  const Moment of_a = now(a);
  vigil_probe_channel_send(&a, channel, 0);
  vigil_probe_channel_destroy(channel, 1);
  vigil_probe_channel_make(channel, 1);
  vigil_probe_channel_receive(&b, channel, 0);
  EXPECT_FALSE(before(of_a, b));
  vigil_probe_channel_destroy(channel, 0);
}

TEST_F(MemoryModel, AnUnlockHappensBeforeTheNextLockButNotFirmly) {
  const void* const lock = object();
  vigil_probe_lock_taken(&a, lock, VIGIL_LOCK_EXCLUSIVE);
  const Moment of_a = now(a);
  vigil_probe_lock_release(&a, lock, VIGIL_LOCK_EXCLUSIVE);
  vigil_probe_lock_taken(&b, lock, VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TRIED);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_FALSE(firmly_before(of_a, b));
  vigil_probe_lock_release(&b, lock, VIGIL_LOCK_EXCLUSIVE);
  vigil_probe_lock_destroy(lock, 0);
}

TEST_F(MemoryModel, ReadersAreOrderedWithWritersButNotWithEachOther) {
  const void* const lock = object();
  vigil_probe_lock_taken(&a, lock, VIGIL_LOCK_SHARED);
  const Moment of_a = now(a);
  vigil_probe_lock_release(&a, lock, VIGIL_LOCK_SHARED);
  vigil_probe_lock_taken(&b, lock, VIGIL_LOCK_SHARED);
  EXPECT_FALSE(before(of_a, b));
  const Moment of_b = now(b);
  vigil_probe_lock_release(&b, lock, VIGIL_LOCK_SHARED);
  vigil_probe_lock_taken(&c, lock, VIGIL_LOCK_EXCLUSIVE);
  EXPECT_TRUE(before(of_a, c));
  EXPECT_TRUE(before(of_b, c));
  const Moment of_c = now(c);
  vigil_probe_lock_release(&c, lock, VIGIL_LOCK_EXCLUSIVE);
  vigil_probe_lock_taken(&a, lock, VIGIL_LOCK_SHARED);
  EXPECT_TRUE(before(of_c, a));
  vigil_probe_lock_release(&a, lock, VIGIL_LOCK_SHARED);
  vigil_probe_lock_destroy(lock, 0);
}

TEST_F(MemoryModel, EveryDoneHappensBeforeTheWaitItUnblocks) {
  const void* const group = object();
  vigil_probe_wait_group_add(&c, group, 2, 2);
  const Moment of_a = now(a);
  const Moment of_b = now(b);
  vigil_probe_wait_group_add(&a, group, -1, 1);
  vigil_probe_wait_group_add(&b, group, -1, 0);
  vigil_probe_wait_group_wait(&c, group);
  EXPECT_TRUE(before(of_a, c));
  EXPECT_TRUE(firmly_before(of_a, c));
  EXPECT_TRUE(before(of_b, c));
  EXPECT_FALSE(before(of_a, b));
  vigil_probe_wait_group_destroy(group);
}

TEST_F(MemoryModel, AnAddIsNoRelease) {
  const void* const group = object();
  const Moment of_a = now(a);
  vigil_probe_wait_group_add(&a, group, 1, 1);
  vigil_probe_wait_group_wait(&b, group);
  EXPECT_FALSE(before(of_a, b));
  vigil_probe_wait_group_destroy(group);
}

TEST_F(MemoryModel, ReleasesOfOneObjectAreCollected) {
  const void* const any = object();
  const Moment of_a = now(a);
  const Moment of_b = now(b);
  vigil_probe_release(&a, any);
  vigil_probe_release(&b, any);
  vigil_probe_acquire(&c, any);
  EXPECT_TRUE(before(of_a, c));
  EXPECT_TRUE(before(of_b, c));
  vigil_probe_sync_destroy(any);
}

TEST_F(MemoryModel, APthreadMutexOrdersWhoeverRunsOnTheThread) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  vigil_probe_task_switch(&a);
  pthread_mutex_lock(&mutex);
  locks::mutex_taken(&mutex, locks::Attempt::Blocking);
  const Moment of_a = now(a);
  locks::mutex_unlocking(&mutex);
  vigil_probe_task_switch(&b);
  locks::mutex_taken(&mutex, locks::Attempt::Blocking);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_FALSE(firmly_before(of_a, b));
  locks::mutex_unlocking(&mutex);
  pthread_mutex_unlock(&mutex);
  locks::mutex_destroyed(&mutex);
}

TEST_F(MemoryModel, APostHappensBeforeTheWaitItAllowsFirmly) {
  const void* const semaphore = object();
  const Moment of_a = now(a);
  vigil_probe_task_switch(&a);
  sync_events::released(semaphore);
  vigil_probe_task_switch(&b);
  sync_events::acquired(semaphore);
  EXPECT_TRUE(before(of_a, b));
  EXPECT_TRUE(firmly_before(of_a, b));
  sync_events::destroyed(semaphore);
}

}  // namespace
}  // namespace vigil::shim
