// Where the states of tasks' stacks lie, apart from what they say: race_engine_test.cpp and the naive twin run with
// their memory there as well (CMakeLists.txt).
#include "interpose/race/stack_places.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "interpose/race/shadow_map.hpp"
#include "runtime/src/stack_pool.hpp"
#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

constexpr std::uintptr_t kGranule = 8;
constexpr std::uintptr_t kSlot = stacks::kSlotPages * stacks::kPage;
constexpr std::uintptr_t kShadowPage = 2 * stacks::kPage;  // of addresses, or places

// The uppermost page of a stack, without and with what differs between neighbours.
constexpr std::uintptr_t top_of(std::uintptr_t slot) { return stacks::kFrom + (slot + 1) * kSlot - stacks::kPage; }
constexpr std::uintptr_t frames_of(std::uintptr_t slot) {
  return top_of(slot) + stacks::kPage - (slot % stacks::kColours << stacks::kLineShift);
}

TEST(StackPlaces, TheRuntimePutsStacksWhereTheyAreLookedFor) {
  EXPECT_EQ(vigil::detail::kWatchedStacks, stacks::kFrom);
  EXPECT_EQ(vigil::detail::kSlotBytes, kSlot);
  EXPECT_EQ(vigil::detail::kPageBytes, stacks::kPage);
}

TEST(StackPlaces, OfOtherAddressesTheyAreTheAddresses) {
  for (const std::uintptr_t address : {std::uintptr_t{0}, stacks::kFrom - kGranule, stacks::kEnd, kWatchedEnd - 1}) {
    EXPECT_FALSE(is_in_stacks(address));
    EXPECT_EQ(place_of(address), address);
  }
}

TEST(StackPlaces, AreInTheShadowOfTheShadowOnly) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uintptr_t address = stacks::kFrom + random() % (stacks::kEnd - stacks::kFrom);
    const std::uintptr_t place = place_of(address);
    ASSERT_GE(place, kShadowBase);
    ASSERT_LT(place, kShadowBase + kShadowBytes);
  }
  const std::uintptr_t last = stacks::kEnd - 1;
  EXPECT_LT(stacks::place_of(last), kShadowBase + kShadowBytes);
  EXPECT_LT(stacks::kTops + ((stacks::kEnd - stacks::kFrom) / kSlot / stacks::kGroup + 1) * stacks::kGroupBytes,
            stacks::kOthers);
}

// 100 stacks at the window's beginning, and as many where the last group is cut off by its end. Of their other pages
// each has a place that nobody else has, for it is the address but for a constant.
TEST(StackPlaces, NoTwoGranulesShareOne) {
  constexpr std::uintptr_t kSlots = 100;
  constexpr std::uintptr_t kAll = (stacks::kEnd - stacks::kFrom) / kSlot;
  for (const std::uintptr_t first : {std::uintptr_t{0}, kAll - kSlots}) {
    std::set<std::uintptr_t> places;
    for (std::uintptr_t slot = first; slot != first + kSlots; ++slot) {
      const std::uintptr_t top = top_of(slot);
      for (std::uintptr_t address = top; address != top + stacks::kPage; address += kGranule) {
        const std::uintptr_t place = place_of(address);
        ASSERT_EQ(place % kGranule, 0U);
        ASSERT_LT(place, stacks::kOthers);
        ASSERT_TRUE(places.insert(place).second) << address;
      }
      ASSERT_EQ(place_of(top - 1), top - 1 - stacks::kFrom + stacks::kOthers);
      ASSERT_EQ(place_of(top + stacks::kPage), top + stacks::kPage - stacks::kFrom + stacks::kOthers);
    }
  }
}

// What the comment says of groups, slots, pieces and lines, by divisions.
std::uintptr_t naive_place(std::uintptr_t address) {
  const std::uintptr_t offset = address - stacks::kFrom;
  const std::uintptr_t slot = offset / kSlot;
  if (offset % kSlot < kSlot - stacks::kPage) return stacks::kOthers + offset;
  const std::uintptr_t below_top = offset % kSlot - (kSlot - stacks::kPage) + slot % 16 * 64;
  constexpr std::uintptr_t kStacks = 32;  // of a group
  constexpr std::uintptr_t kPieces = 20;  // of a page and sixteen lines
  constexpr std::uintptr_t kBytes = 256;  // of a piece
  const std::uintptr_t group = stacks::kTops + slot / kStacks * (kPieces * kStacks * kBytes);
  return group + below_top / kBytes * (kStacks * kBytes) + slot % kStacks * kBytes + below_top % kBytes;
}

TEST(StackPlaces, AgreeWithANaiveTwin) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    const std::uintptr_t any = stacks::kFrom + random() % (stacks::kEnd - stacks::kFrom);
    const std::uintptr_t top = top_of(any / kSlot % 1'000'000) + random() % stacks::kPage;
    for (const std::uintptr_t address : {any, top}) ASSERT_EQ(place_of(address), naive_place(address)) << address;
  }
}

TEST(StackPlaces, LieSideBySideToTheEndOfAPiece) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::uintptr_t address = top_of(random() % 1000) - stacks::kPage + random() % (3 * stacks::kPage);
    const Piece piece = piece_at(address, stacks::kEnd);
    ASSERT_GT(piece.end, address);
    ASSERT_EQ(piece.end % 64, 0U);
    for (std::uintptr_t at = address; at < piece.end; at += 5) ASSERT_EQ(place_of(at), at + piece.moved);
  }
  EXPECT_EQ(piece_at(stacks::kFrom - 64, stacks::kFrom + 64).end, stacks::kFrom);
  EXPECT_EQ(piece_at(stacks::kEnd - 64, stacks::kEnd + 64).end, stacks::kEnd);
  EXPECT_EQ(piece_at(stacks::kEnd, stacks::kEnd + 64).end, stacks::kEnd + 64);
  EXPECT_EQ(piece_at(64, stacks::kFrom).end, stacks::kFrom);
}

// What 32 neighbours use of their stacks' upper ends, 512 bytes each wherever it begins, takes three pages at most.
TEST(StackPlaces, OfNeighboursThatUseLittleAreFewPages) {
  constexpr std::uintptr_t kUsed = 512;
  std::set<std::uintptr_t> pages;
  for (std::uintptr_t slot = 0; slot < stacks::kGroup; ++slot) {
    for (std::uintptr_t below = kGranule; below <= kUsed; below += kGranule) {
      pages.insert(place_of(frames_of(slot) - 640 - below) / kShadowPage);
    }
  }
  EXPECT_LE(pages.size(), 3U);
}

// Else it would be looked at before it is written: a fault more, which interrupts the other processors.
TEST_F(RaceEngine, TheFirstTaskOfAGroupMakesThePageOfTheNextGroupsClosuresMemory) {
  constexpr std::uintptr_t kFirst = 100'000 * std::uintptr_t{stacks::kGroup};  // far from all stacks that there are
  constexpr std::uintptr_t kNext = kFirst + stacks::kGroup;
  const auto closures_end = [](std::uintptr_t slot) { return frames_of(slot) - 640; };
  const auto is_memory = [](std::uintptr_t address) {
    const auto cell = reinterpret_cast<std::uintptr_t>(&cell_of(address));
    unsigned char answer = 0;
    EXPECT_EQ(::mincore(reinterpret_cast<void*>(cell / stacks::kPage * stacks::kPage), stacks::kPage, &answer), 0);
    return (answer & 1U) != 0;
  };
  task_made(closures_end(kFirst + 1));
  EXPECT_FALSE(is_memory(closures_end(kNext) - kGranule));
  task_made(closures_end(kFirst));
  EXPECT_TRUE(is_memory(closures_end(kNext) - kGranule));
  EXPECT_TRUE(is_memory(closures_end(kNext + stacks::kGroup - 1) - kGranule));
  EXPECT_FALSE(is_memory(closures_end(kNext) - stacks::kPage / 2));
}

}  // namespace
}  // namespace vigil::shim::race
