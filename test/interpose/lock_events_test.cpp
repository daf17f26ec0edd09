#include "interpose/locks/lock_events.hpp"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "interpose/current.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/held_again.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/threads.hpp"
#include "test/interpose/lock_events_fixture.hpp"

namespace vigil::shim::locks {
namespace {

TEST_F(LockEvents, WhatIsTakenIsHeldUntilItIsReleased) {
  take(one, a);
  take(one, b);
  ASSERT_EQ(one.held.live().size(), 2U);
  give(one, a);  // in any order
  ASSERT_EQ(one.held.live().size(), 1U);
  EXPECT_EQ(one.held.live()[0].object, &b);
  give(one, b);
  EXPECT_TRUE(one.held.live().empty());
}

TEST_F(LockEvents, ALockGivenBackByAnotherIsNotHeldAnyMore) {
  take(one, a);
  give(two, a);
  EXPECT_TRUE(one.held.live().empty());
  EXPECT_TRUE(a.wandered.load());
}

TEST_F(LockEvents, WhatWasHeldLastIsHeldAgain) {
  take(one, a);
  const std::uint64_t number = a.acquisition.load();
  give(one, a);
  ASSERT_TRUE(takes_again(one, &places[0]));
  EXPECT_TRUE(a.is_held_as(number));
  EXPECT_EQ(one.held.live().size(), 1U);
  ASSERT_TRUE(gives_again(one, &places[0]));
  EXPECT_FALSE(a.is_held());
  EXPECT_TRUE(one.held.live().empty());
}

TEST_F(LockEvents, WhatSomebodyElseHadSinceIsNotHeldAgain) {
  take(one, a);
  give(one, a);
  take(two, a);
  give(two, a);
  EXPECT_FALSE(takes_again(one, &places[0]));
}

TEST_F(LockEvents, WhatIsTakenAtAnotherPlaceIsNotHeldAgain) {
  constexpr int kWalks = 8;  // a thread that is asked for its stack a few times remembers none
  const CalledFrom from = called_from();
  const StackPlace here = StackPlace::at(from.stack_pointer);
  for (int i = 0; i < kWalks; ++i) capture_stack_from(here, from.first_return);
  const RecentStacks::Entry* const standing = standing_stack(here, from.first_return);
  ASSERT_NE(standing, nullptr);
  holds_anew(one, a, taken_at(*standing));
  const std::uintptr_t again = HeldLock::again_as(HeldLock::Way::VigilMutex, &places[0]);
  ASSERT_TRUE(gives_back_again(one, again));
  const HeldLock& slot = one.held.next();
  ASSERT_TRUE(would_do_again(one, slot, again, here));

  EXPECT_FALSE(would_do_again(one, slot, again, StackPlace::at(from.stack_pointer - sizeof(std::uintptr_t))));
  EXPECT_FALSE(would_do_again(one, slot, HeldLock::again_as(HeldLock::Way::Mutex, &places[0]), here));
  HeldLock elsewhere = slot;
  elsewhere.taken_at = kNoStack;  // the stack that is remembered there is another by now
  EXPECT_FALSE(would_do_again(one, elsewhere, again, here));
  one.wanted = static_cast<LockId>(b.id);
  EXPECT_FALSE(would_do_again(one, slot, again, here));
  one.wanted = LockId{};
  vigil::shim::detail::modules_generation.fetch_add(1);  // code went: an address means another place
  EXPECT_FALSE(would_do_again(one, slot, again, here));
}

TEST_F(LockEvents, WhatSomebodyElseGaveBackIsNotGivenBackAgain) {
  take(one, a);
  give(two, a);
  EXPECT_FALSE(gives_again(one, &places[0]));
}

TEST_F(LockEvents, WhatIsNotTheYoungestIsNotGivenBackAgain) {
  take(one, a);
  take(one, b);
  EXPECT_FALSE(gives_again(one, &places[0]));
  EXPECT_TRUE(gives_again(one, &places[1]));
  EXPECT_TRUE(gives_again(one, &places[0]));
  EXPECT_FALSE(gives_again(one, &places[0]));  // nothing is held
  EXPECT_FALSE(gives_again(two, &places[0]));  // who never held anything
}

TEST_F(LockEvents, AnotherLockAtTheSameAddressIsNotHeldAgain) {
  take(one, a);
  give(one, a);
  gone(&places[0]);
  lock_objects().at(&places[0]);
  EXPECT_FALSE(takes_again(one, &places[0]));
}

TEST_F(LockEvents, ALockThatTurnedOutToHaveTwoSidesIsNotHeldAgain) {
  take(one, a);
  give(one, a);
  a.becomes_two_sided();
  EXPECT_FALSE(takes_again(one, &places[0]));
}

TEST_F(LockEvents, TurnsBetweenTwoPlacesAreToldOfTheLastOne) {
  takes_at(one, a, &places[0], 1);
  const std::uint64_t number = a.acquisition.load();
  ASSERT_TRUE(gives_again(one, &places[0]));
  for (const std::uint32_t place : {2U, 1U, 2U}) {
    takes_at(one, a, &places[0], place);
    EXPECT_TRUE(a.is_held_as(number));
    EXPECT_EQ(a.taken_at.load(), static_cast<StackId>(place));
    ASSERT_EQ(one.held.live().size(), 1U);
    EXPECT_EQ(one.held.live()[0].taken_at, static_cast<StackId>(place));
    ASSERT_TRUE(gives_again(one, &places[0]));
  }
}

TEST_F(LockEvents, TurnsBetweenTwoLocksAreToldOfTheLastOne) {
  for (int i = 0; i < 2; ++i) {
    takes_at(one, a, &places[0], 1);
    ASSERT_EQ(one.held.live().size(), 1U);
    EXPECT_EQ(one.held.live()[0].object, &a);
    ASSERT_TRUE(gives_again(one, &places[0]));
    takes_at(one, b, &places[1], 1);
    EXPECT_TRUE(b.is_held());
    EXPECT_FALSE(a.is_held());
    EXPECT_EQ(one.held.live()[0].object, &b);
    ASSERT_TRUE(gives_again(one, &places[1]));
  }
}

TEST_F(LockEvents, WhoTakesTheTurnOfAnotherIsItsHolder) {
  takes_at(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  takes_at(two, a, &places[0], 1);
  EXPECT_EQ(a.holder.load(), key_of(two));
  ASSERT_TRUE(gives_again(two, &places[0]));
  takes_at(one, a, &places[0], 2);
  EXPECT_EQ(a.holder.load(), key_of(one));
  EXPECT_EQ(one.held.live().size(), 1U);
  EXPECT_TRUE(two.held.live().empty());
}

// A lock that another gave back may be taken again on top of itself: then it is held once.
TEST_F(LockEvents, ATurnOnTopOfOneThatAnotherGaveBackIsHeldOnce) {
  takes_at(one, b, &places[1], 1);
  takes_at(one, a, &places[0], 1);  // in the second slot
  ASSERT_TRUE(gives_again(one, &places[0]));
  ASSERT_TRUE(gives_again(one, &places[1]));
  takes_at(one, a, &places[0], 1);  // in the first
  give(two, a);
  takes_at(one, a, &places[0], 1);
  EXPECT_EQ(one.held.live().size(), 1U);
}

TEST_F(LockEvents, TheOrderIsToldOncePerWhatIsHeldBelow) {
  take(one, a);
  take(one, b);
  give(one, b);
  EXPECT_TRUE(is_told(one, one.held.next()));
  give(one, a);
  take(one, lock_objects().at(&places[2]));
  EXPECT_FALSE(is_told(one, one.held.next()));  // b, on top of another
  give(one, lock_objects().at(&places[2]));
}

TEST_F(LockEvents, AGateThatAnotherGaveBackIsToldAnew) {
  take(one, a);
  take(one, b);
  give(one, b);
  ASSERT_TRUE(is_told(one, one.held.next()));
  give(two, a);
  EXPECT_FALSE(is_told(one, one.held.next()));
}

TEST_F(LockEvents, ASlotThatWasLeftByAMoveKeepsNothing) {
  take(one, a);
  take(one, b);
  give(one, a);  // b moves down
  EXPECT_EQ(one.held.next().object, nullptr);
  give(one, b);
}

TEST_F(LockEvents, AJoinOfAThreadThatHasNotBegunIsPartOfARing) {
  take(one, a);
  std::latch is_joined(1);
  bool closes = false;
  std::thread late([&] {
    is_joined.wait();
    closes = closes_ring(this_thread(), a, LockMode::Exclusive);  // is its first act
  });
  begin_join(one, late.native_handle(), kNoStack);
  is_joined.count_down();
  late.join();
  end_wait(one);
  give(one, a);
  EXPECT_TRUE(closes);
}

TEST_F(LockEvents, TenThousandHeldLocksWork) {
  constexpr std::size_t kMany = 10'000;
  std::vector<char> addresses(kMany);
  Actor actor;
  actor.type = ActorType::Task;
  for (char& address : addresses) {
    take(actor, lock_objects().at(&address));
  }
  EXPECT_EQ(actor.held.live().size(), kMany);
  for (char& address : addresses) give(actor, lock_objects().at(&address));
  EXPECT_TRUE(actor.held.live().empty());
  for (char& address : addresses) destroyed(lock_objects().take(&address));
}

TEST_F(LockEvents, OppositeOrderIsTold) {
  const std::uint64_t before = errors();
  take(one, a);
  take(one, b);
  give(one, b);
  give(one, a);
  take(two, b);
  take(two, a);
  give(two, a);
  give(two, b);
  EXPECT_EQ(errors(), before + 1);
}

TEST_F(LockEvents, ASecondLockByTryIsNoOrder) {
  const std::uint64_t before = errors();
  take(one, a);
  take(one, b, Attempt::Tried);
  give(one, b);
  give(one, a);
  take(two, b);
  take(two, a, Attempt::Tried);
  give(two, a);
  give(two, b);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, AFirstLockByTryCounts) {
  const std::uint64_t before = errors();
  take(one, a, Attempt::Tried);
  take(one, b);
  give(one, b);
  give(one, a);
  take(two, b, Attempt::Tried);
  take(two, a);
  give(two, a);
  give(two, b);
  EXPECT_EQ(errors(), before + 1);
}

TEST_F(LockEvents, AWishCountsAlsoWhenItIsNeverFulfilled) {
  const std::uint64_t before = errors();
  take(one, a);
  take(two, b);
  wanted(one, b, LockMode::Exclusive);
  gave_up(one);
  give(two, b);
  wanted(two, b, LockMode::Exclusive);
  take(two, b);
  wanted(two, a, LockMode::Exclusive);
  EXPECT_EQ(errors(), before + 1);
  gave_up(two);
}

TEST_F(LockEvents, AnUnlockByAnotherThatNothingOrdersIsTold) {
  order::want(order::kWhole);
  const std::uint64_t before = errors();
  take(one, a);
  give(two, a);
  EXPECT_EQ(errors(), before) << "this test itself can come to atomics, and whether they order the two is not seen";
  // As in an instrumented program, where they are seen.
  const race::EngineMode engine = race::current_engine.exchange(race::EngineMode::Native);
  take(one, a);
  give(two, a);
  race::current_engine.store(engine);
  EXPECT_EQ(errors(), before + 1);
}

TEST_F(LockEvents, ALockMaySayThatAnotherIsToBeUnlocked) {
  order::want(order::kWhole);
  const std::uint64_t before = errors();
  const race::EngineMode engine = race::current_engine.exchange(race::EngineMode::Native);
  take(one, a);
  take(one, b);
  give(one, b);
  take(two, b);
  give(two, b);
  give(two, a);
  race::current_engine.store(engine);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, ALockThatIsHandedOverMayBeUnlockedByItsReceiver) {
  order::want(order::kWhole);
  const std::uint64_t before = errors();
  take(one, a);
  order::meet(one.clocks, two.clocks);  // over a channel
  give(two, a);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, ALockThatAnotherGivesBackTakesNoPart) {
  take(one, a);
  give(two, a);
  const std::uint64_t before = errors();
  take(one, a);
  take(one, b);
  give(one, b);
  give(one, a);
  take(two, b);
  take(two, a);
  give(two, a);
  give(two, b);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, ALockAtAReusedAddressIsAnother) {
  const std::uint64_t before = errors();
  take(one, a);
  take(one, b);
  give(one, b);
  give(one, a);
  destroyed(lock_objects().take(&places[0]));
  LockObject& again = lock_objects().at(&places[0]);
  take(two, b);
  take(two, again);
  give(two, again);
  give(two, b);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, OneWhoWaitsForItselfIsNoOrder) {
  const std::uint64_t before = errors();
  take(one, a);
  wanted(one, a, LockMode::Exclusive);
  EXPECT_EQ(errors(), before);
}

TEST_F(LockEvents, WhoIsToldThatAnOrderIsKeptFindsTheQuickWaysClosed) {
  using vigil::shim::detail::detours;
  using vigil::shim::detail::kOrderIsKept;
  constexpr int kRounds = 10'000;
  const std::uint8_t needed = order::detail::needs.load();
  const std::uint8_t closed = detours.load() & kOrderIsKept;
  std::atomic<int> begun{0};
  int open = 0;
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (begun.load() != round) std::this_thread::yield();
      while ((order::needs() & order::kWhole) == 0) {
      }
      order::want(order::kWhole);
      if ((detours.load() & kOrderIsKept) == 0) ++open;
      begun.store(-round);
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    order::detail::needs.store(0);
    detours.fetch_and(static_cast<std::uint8_t>(~kOrderIsKept));
    begun.store(round);
    order::want(order::kWhole);
    while (begun.load() != -round) std::this_thread::yield();
  }
  other.join();
  EXPECT_EQ(open, 0);
  order::detail::needs.store(needed);
  detours.fetch_and(static_cast<std::uint8_t>(~kOrderIsKept | closed));
}

}  // namespace
}  // namespace vigil::shim::locks
