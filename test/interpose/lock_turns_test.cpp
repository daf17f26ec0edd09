// Lists of slots (held_locks.hpp): what a thread does that takes turns between locks or places.
#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "test/interpose/lock_events_fixture.hpp"

namespace vigil::shim::locks {
namespace {

// What a thread's quick way does of a lock that lies there, at a place: a number for the stack, and a return address.
class LockTurns : public LockEvents {
 protected:
  static std::uintptr_t returns_to(std::uint32_t place) { return std::uintptr_t{0x1000} + place * std::uintptr_t{4}; }
  static void takes_first(Actor& actor, LockObject& lock, const void* address, std::uint32_t place) {
    actor.held.turn_to(address, returns_to(place));
    takes_at(actor, lock, address, place);
  }
  static bool takes_in_turn(Actor& actor, const void* address, std::uint32_t place) {
    HeldLocks::List* const list = actor.held.list_of(address, returns_to(place));
    if (list == nullptr || !actor.held.empty()) return false;
    const HeldLock& slot = list->first();
    const bool is_it = slot.again == HeldLock::again_as(HeldLock::Way::VigilMutex, address) &&
                       slot.taken_at == static_cast<StackId>(place);
    return is_it && holds_in_turn(actor, *list);
  }
  void expect_held(const LockObject& lock, std::uint32_t place) {
    ASSERT_EQ(one.held.live().size(), 1U);
    EXPECT_EQ(one.held.live()[0].object, &lock);
    EXPECT_EQ(one.held.live()[0].taken_at, static_cast<StackId>(place));
    EXPECT_EQ(lock.taken_at.load(), static_cast<StackId>(place));
  }
};

TEST_F(LockTurns, WhoNeverTookTurnsHasNoLists) {
  takes_at(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  EXPECT_EQ(one.held.list_of(&places[0], returns_to(1)), nullptr);
}

TEST_F(LockTurns, APlaceFindsWhatItDidLastThoughAnotherCameBetween) {
  for (const std::uint32_t place : {1U, 2U}) {
    takes_first(one, a, &places[0], place);
    ASSERT_TRUE(gives_again(one, &places[0]));
  }
  for (const std::uint32_t place : {1U, 2U, 1U}) {
    ASSERT_TRUE(takes_in_turn(one, &places[0], place));
    expect_held(a, place);
    ASSERT_TRUE(gives_again(one, &places[0]));
  }
}

TEST_F(LockTurns, WhatAnotherHadSinceIsNotTakenInTurn) {
  takes_first(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  takes_first(one, b, &places[1], 1);
  ASSERT_TRUE(gives_again(one, &places[1]));
  take(two, a);
  give(two, a);
  EXPECT_FALSE(takes_in_turn(one, &places[0], 1));
  EXPECT_TRUE(takes_in_turn(one, &places[1], 1));
}

// As a mutex that is held across fork() and initialised anew in the child: the list of the other place still has a slot
// with the number it was held by.
TEST_F(LockTurns, WhatEndedWhileItWasHeldIsNotTakenInTurn) {
  takes_first(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  takes_first(one, a, &places[0], 2);
  gone(&places[0]);
  ASSERT_TRUE(one.held.live().empty());
  EXPECT_FALSE(takes_in_turn(one, &places[0], 1));
  EXPECT_FALSE(takes_in_turn(one, &places[0], 2));
}

TEST_F(LockTurns, NothingIsTakenInTurnOnTopOfAnother) {
  takes_first(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  takes_first(one, b, &places[1], 1);
  EXPECT_FALSE(takes_in_turn(one, &places[0], 1));
}

// Nested at one place, then alone at another by another list, then nested again: it was taken at the first.
TEST_F(LockTurns, WhatIsTakenAgainOnTopOfAnotherIsToldOfItsOwnPlace) {
  const auto nested = [&] {
    take(one, a);
    ASSERT_TRUE(gives_again(one, &places[0]));
  };
  takes_first(one, b, &places[1], 3);
  nested();
  const HeldLock inner = one.held.next();
  ASSERT_TRUE(gives_again(one, &places[1]));
  takes_first(one, a, &places[0], 2);
  expect_held(a, 2);
  ASSERT_TRUE(gives_again(one, &places[0]));

  ASSERT_TRUE(takes_in_turn(one, &places[1], 3));
  HeldLock& slot = one.held.next();
  ASSERT_EQ(slot.acquisition, inner.acquisition);
  ASSERT_TRUE(holds_again(one, slot, a));
  EXPECT_EQ(a.taken_at.load(), inner.taken_at);
  EXPECT_EQ(one.held.live().size(), 2U);
}

TEST_F(LockTurns, AListGrowsByItself) {
  takes_first(one, a, &places[0], 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  takes_first(one, b, &places[1], 1);
  std::array<std::uint64_t, 40> many{};
  for (std::uint64_t& other : many) take(one, lock_objects().at(&other));
  ASSERT_EQ(one.held.live().size(), 1 + many.size());
  EXPECT_EQ(one.held.live()[0].object, &b);
  for (std::size_t i = many.size(); i-- > 0;) {
    give(one, lock_objects().at(&many[i]));
    gone(&many[i]);
  }
  ASSERT_TRUE(gives_again(one, &places[1]));
  ASSERT_TRUE(takes_in_turn(one, &places[0], 1));
  expect_held(a, 1);
  ASSERT_TRUE(gives_again(one, &places[0]));
  ASSERT_TRUE(takes_in_turn(one, &places[1], 1));
  expect_held(b, 1);
}

// Many locks and places at random, next to a plain list of what is held.
TEST_F(LockTurns, WhatIsHeldIsWhatWasTaken) {
  constexpr std::uint32_t kPlaces = 40;
  constexpr int kRounds = 20'000;
  std::minstd_rand random(1);
  const auto any = [&](std::size_t count) { return static_cast<std::uint32_t>(random() % count); };
  std::vector<std::size_t> held;
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t which = any(std::size(places));
    LockObject& lock = lock_objects().at(&places[which]);
    const std::uint32_t place = 1 + any(kPlaces);
    if (any(8) == 0 && held.empty()) {
      take(two, lock);
      give(two, lock);
    }
    if (held.empty()) {
      if (!takes_in_turn(one, &places[which], place)) takes_first(one, lock, &places[which], place);
      held.push_back(which);
      EXPECT_EQ(lock.taken_at.load(), static_cast<StackId>(place));
    } else if (any(3) == 0 && std::find(held.begin(), held.end(), which) == held.end()) {
      if (!takes_again(one, &places[which])) take(one, lock);
      held.push_back(which);
      EXPECT_EQ(lock.taken_at.load(), one.held.youngest().taken_at);
    } else {
      const std::size_t back = any(4) == 0 ? held.front() : held.back();
      if (back != held.back() || !gives_again(one, &places[back])) give(one, lock_objects().at(&places[back]));
      held.erase(std::find(held.begin(), held.end(), back));
    }
    const std::span<const HeldLock> live = one.held.live();
    ASSERT_EQ(live.size(), held.size());
    for (std::size_t i = 0; i < held.size(); ++i) {
      ASSERT_EQ(live[i].object, &lock_objects().at(&places[held[i]]));
      ASSERT_TRUE(live[i].object->is_held());
      ASSERT_EQ(live[i].object->holder.load(), key_of(one));
      for (std::size_t k = 0; k < i; ++k) ASSERT_NE(live[i].object, live[k].object);
    }
  }
  while (!held.empty()) {
    give(one, lock_objects().at(&places[held.back()]));
    held.pop_back();
  }
}

}  // namespace
}  // namespace vigil::shim::locks
