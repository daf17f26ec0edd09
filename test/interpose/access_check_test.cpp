#include "interpose/race/access_check.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "interpose/race/clock_tree.hpp"
#include "test/interpose/naive_clock.hpp"

namespace vigil::shim::race {
namespace {

constexpr std::uintptr_t kVariable = 0x1000;
constexpr std::size_t kSize = 4;

class AccessCheck : public testing::Test {
 protected:
  void SetUp() override {
    start(one_);
    start(two_, one_);
    start(three_, one_);
    shadow_.make(kVariable, kSize, StackId{77});
  }
  void TearDown() override {
    shadow_.destroy(kVariable, kSize);
    for (ActorClock* const actor : {&one_, &two_, &three_}) end(*actor);
  }
  Conflicts read(ActorClock& actor, std::uint64_t who = 0) {
    return shadow_.check_read(kVariable, kSize, actor, {.actor = who, .held = 0, .capture = nullptr});
  }
  Conflicts write(ActorClock& actor, std::uint64_t who = 0) {
    return shadow_.check_write(kVariable, kSize, actor, {.actor = who, .held = 0, .capture = nullptr});
  }
  static void order(ActorClock& from, ActorClock& to) {
    SyncClock edge;
    release_store(from, edge);
    acquire(to, edge);
  }

  AccessShadow shadow_;
  ActorClock one_;
  ActorClock two_;
  ActorClock three_;
};

TEST_F(AccessCheck, UnorderedWritesRace) {
  EXPECT_FALSE(write(one_).any());
  EXPECT_TRUE(write(two_).any());
}
TEST_F(AccessCheck, OrderedWritesDoNotRace) {
  EXPECT_FALSE(write(one_).any());
  order(one_, two_);
  EXPECT_FALSE(write(two_).any());
}
TEST_F(AccessCheck, ReadsDoNotRaceWithReads) {
  EXPECT_FALSE(read(one_).any());
  EXPECT_FALSE(read(two_).any());
  EXPECT_FALSE(read(three_).any());
}
TEST_F(AccessCheck, WriteRacesWithEveryUnorderedRead) {
  read(one_);
  read(two_);
  order(one_, three_);
  const Conflicts found = write(three_);
  EXPECT_EQ(found.total, 1U);  // two_'s only
  EXPECT_FALSE(found.older[0].is_write);
}
TEST_F(AccessCheck, ReadOfTheFirstOfTwoReadersIsNotForgotten) {
  read(one_);
  read(two_);
  order(two_, three_);
  EXPECT_TRUE(write(three_).any());
}
TEST_F(AccessCheck, RaceTellsBothSides) {
  static_cast<void>(shadow_.check_write(kVariable, kSize, one_,
                                        {.actor = 11, .held = 5, .capture = []() noexcept { return StackId{101}; }}));
  const Conflicts found = shadow_.check_read(
      kVariable, 2, two_, {.actor = 22, .held = 6, .capture = []() noexcept { return StackId{202}; }});
  ASSERT_EQ(found.told, 1U);
  EXPECT_EQ(found.older[0].actor, 11U);
  EXPECT_EQ(found.older[0].held, 5U);
  EXPECT_EQ(found.older[0].stack, StackId{101});
  EXPECT_TRUE(found.older[0].is_write);
  EXPECT_EQ(found.older[0].size, kSize);
  EXPECT_EQ(found.newer.actor, 22U);
  EXPECT_EQ(found.newer.stack, StackId{202});
  EXPECT_FALSE(found.newer.is_write);
  EXPECT_EQ(found.newer.size, 2U);
  EXPECT_EQ(found.made_at, StackId{77});
}
TEST_F(AccessCheck, OlderWriterStillRacesAfterARacingOneCameBetween) {
  write(one_);
  EXPECT_TRUE(write(two_).any());
  order(two_, three_);
  const Conflicts found = write(three_);  // ordered after two_'s, not after one_'s
  EXPECT_EQ(found.total, 1U);
}
TEST_F(AccessCheck, ANewVariableKnowsNothingOfTheOldOneAtItsAddress) {
  const Conflicts old = write(one_);
  shadow_.make(kVariable, kSize, kNoStack);
  const Conflicts found = write(two_);
  EXPECT_FALSE(found.any());
  EXPECT_NE(found.variable, old.variable);
}
TEST_F(AccessCheck, RepeatedAccessInOneEpochTakesNoStack) {
  static int captures = 0;
  captures = 0;
  const AccessBy by{
      .actor = 1, .held = 0, .capture = []() noexcept { return StackId{static_cast<std::uint32_t>(++captures)}; }};
  for (int i = 0; i < 10; ++i) static_cast<void>(shadow_.check_write(kVariable, kSize, one_, by));
  for (int i = 0; i < 10; ++i) static_cast<void>(shadow_.check_read(kVariable, kSize, one_, by));
  EXPECT_EQ(captures, 1);
}
TEST_F(AccessCheck, ThousandsOfReadersAllMatter) {
  std::deque<ActorClock> readers(5000);
  for (ActorClock& reader : readers) {
    start(reader, one_);
    ASSERT_FALSE(read(reader).any());
  }
  SyncClock joined;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    if (i != 3777) release_merge(readers[i], joined);
  }
  acquire(two_, joined);
  EXPECT_EQ(write(two_).total, 1U);
  for (ActorClock& reader : readers) end(reader);
}

// ---- against a list of every access ever
// ------------------------------------------------------------------------------

struct OldAccess {
  NaiveEpoch at;
  bool is_write;
};

// No more actors than AccessSet keeps raced accesses of: within that, every conflict of the observed order is found,
// and no other.
void run_twin(std::uint64_t seed) {
  SCOPED_TRACE("VIGIL_TEST_SEED=" + std::to_string(seed));
  constexpr std::size_t kActors = 8;
  constexpr std::size_t kVariables = 3;
  constexpr std::size_t kLocks = 3;
  std::mt19937_64 random(seed);
  const auto pick = [&random](std::size_t below) { return static_cast<std::size_t>(random() % below); };

  AccessShadow shadow;
  std::vector<ActorClock> actors(kActors);
  std::vector<NaiveActor> naive(kActors);
  std::vector<SyncClock> locks(kLocks);
  std::vector<NaiveClock> naive_locks(kLocks);
  std::vector<std::vector<OldAccess>> history(kVariables);
  for (std::size_t i = 0; i < kActors; ++i) {
    naive[i].number = i;
    start(actors[i]);
  }
  // Most programs are mostly ordered: sync is as frequent as this seed says.
  const std::size_t sync_in_ten = 2 + pick(7);
  for (int step = 0; step < 400; ++step) {
    const std::size_t who = pick(kActors);
    if (pick(10) < sync_in_ten) {
      const std::size_t lock = pick(kLocks);
      acquire(actors[who], locks[lock]);
      naive[who].known.join(naive_locks[lock]);
      release_store(actors[who], locks[lock]);
      naive_locks[lock] = naive[who].publish();
      continue;
    }
    const std::size_t variable = pick(kVariables);
    const std::uintptr_t address = 0x1000 + variable * 8;
    if (pick(60) == 0) {
      shadow.make(address, 8, kNoStack);
      history[variable].clear();
      continue;
    }
    const bool is_write = pick(3) == 0;
    bool expected = false;
    for (const OldAccess& old : history[variable]) {
      expected = expected || ((is_write || old.is_write) && !naive[who].knows(old.at));
    }
    history[variable].push_back({naive[who].now(), is_write});
    const Conflicts got =
        is_write ? shadow.check_write(address, 8, actors[who], {}) : shadow.check_read(address, 8, actors[who], {});
    ASSERT_EQ(got.any(), expected) << "step " << step << ", variable " << variable << ", actor " << who;
  }
  for (ActorClock& actor : actors) end(actor);
  for (std::size_t variable = 0; variable < kVariables; ++variable) shadow.destroy(0x1000 + variable * 8, 8);
  EXPECT_EQ(shadow.variables(), 0U);
}

TEST(AccessCheckTwin, FindsTheRacesOfTheObservedOrderAndNoOther) {
  const char* const given = std::getenv("VIGIL_TEST_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  for (std::uint64_t seed = first; seed < first + 400; ++seed) {
    run_twin(seed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(AccessCheckThreads, ManyThreadsMayUseTheShadowAtOnce) {
  AccessShadow shadow;
  std::vector<std::thread> threads;
  std::vector<std::uint32_t> races(4);
  for (std::uintptr_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      ActorClock self;
      start(self);
      for (std::uintptr_t i = 0; i < 20000; ++i) {
        const std::uintptr_t mine = 0x100000 * (t + 1) + (i % 512) * 8;
        if (i % 512 == 0) shadow.make(mine, 8, kNoStack);
        races[t] += shadow.check_write(mine, 8, self, {}).total;
        static_cast<void>(shadow.check_read(0x10 + (i % 64) * 8, 8, self, {}));
      }
      end(self);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(races, std::vector<std::uint32_t>(4, 0));
}

}  // namespace
}  // namespace vigil::shim::race
