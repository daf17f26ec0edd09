// What is known of the memory of instrumented programs: the blocks of the heap, and what atomic objects carry.
#include <cstdint>
#include <map>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "interpose/heap_blocks.hpp"
#include "interpose/race/atomic_points.hpp"

namespace vigil::shim {
namespace {

constexpr std::uintptr_t kHeap = 0x5555'0000'0000;

struct Blocks : testing::Test {
  std::unique_ptr<HeapBlocks> blocks = std::make_unique<HeapBlocks>();
  std::uintptr_t start = 0;
  HeapBlock block;

  void allocate(std::uintptr_t at, std::size_t size) {
    blocks->allocated(at, size, (size + 15) / 16 * 16, race::PlaceId{0}, ActorKey{7});
  }
  bool find(std::uintptr_t at) { return blocks->find(at, start, block); }
};

TEST_F(Blocks, AreFoundByAnyAddressInThem) {
  allocate(kHeap, 100);
  allocate(kHeap + 112, 3 << 20);
  ASSERT_TRUE(find(kHeap + 99));
  EXPECT_EQ(start, kHeap);
  EXPECT_EQ(block.size, 100U);
  EXPECT_EQ(block.owner, ActorKey{7});
  ASSERT_TRUE(find(kHeap + 112 + (2 << 20)));
  EXPECT_EQ(start, kHeap + 112);
}

TEST_F(Blocks, EndWhereTheyEnd) {
  allocate(kHeap, 100);
  EXPECT_FALSE(find(kHeap + 100));
  EXPECT_FALSE(find(kHeap - 1));
}

TEST_F(Blocks, KeepTheirNumberUntilTheyAreReplaced) {
  allocate(kHeap, 100);
  ASSERT_TRUE(find(kHeap));
  const std::uint32_t number = block.number;
  ASSERT_TRUE(find(kHeap + 1));
  EXPECT_EQ(block.number, number);
  allocate(kHeap, 100);
  ASSERT_TRUE(find(kHeap));
  EXPECT_NE(block.number, number);
}

TEST_F(Blocks, AgreeWithAMapOfThem) {
  std::mt19937_64 random(20261121);
  std::map<std::uintptr_t, std::size_t> known;
  for (int round = 0; round < 20'000; ++round) {
    const std::uintptr_t at = kHeap + random() % 4096 * 16;
    const std::size_t size = 1 + random() % (round % 50 == 0 ? 20'000 : 200);
    allocate(at, size);
    const std::uintptr_t end = at + (size + 15) / 16 * 16;
    for (auto one = known.lower_bound(at); one != known.end() && one->first < end;) one = known.erase(one);
    known[at] = size;
    const std::uintptr_t asked = kHeap + random() % 80'000;
    const auto after = known.upper_bound(asked);
    const bool is_in = after != known.begin() && asked - std::prev(after)->first < std::prev(after)->second;
    if (is_in) {
      ASSERT_TRUE(find(asked)) << "round " << round;
      ASSERT_EQ(start, std::prev(after)->first) << "round " << round;
    }
  }
}

struct Points : testing::Test {
  std::unique_ptr<race::AtomicPoints> points = std::make_unique<race::AtomicPoints>();

  void make(std::uintptr_t at, std::size_t bytes) {
    race::AtomicHome* const home = points->lock(at, true);
    home->point_of(at % race::kHomeBytes, bytes);
    points->unlock(*home);
  }
  std::size_t overlapping(std::uintptr_t at, std::size_t bytes) {
    race::AtomicHome* const home = points->lock(at, false);
    if (home == nullptr) return 0;
    std::size_t count = 0;
    home->each_overlapping(at % race::kHomeBytes, bytes, [&](race::AtomicPoint&) { ++count; });
    points->unlock(*home);
    return count;
  }
};

TEST_F(Points, AreTheirOwnForEachObject) {
  make(kHeap, 4);
  make(kHeap + 4, 4);
  make(kHeap, 8);
  EXPECT_EQ(overlapping(kHeap, 4), 2U);
  EXPECT_EQ(overlapping(kHeap + 4, 1), 2U);
  EXPECT_EQ(overlapping(kHeap, 8), 3U);
  EXPECT_EQ(overlapping(kHeap + 8, 8), 0U);
}

TEST_F(Points, AreNotMadeByLooking) {
  EXPECT_EQ(points->lock(kHeap, false), nullptr);
  EXPECT_FALSE(points->has_home(kHeap));
  EXPECT_EQ(points->homes(), 0U);
}

TEST_F(Points, GoWithTheirMemory) {
  for (std::uintptr_t at = kHeap; at < kHeap + 0x4000; at += 24) make(at, 4);
  EXPECT_NE(points->homes(), 0U);
  points->forget(kHeap + 0x1000, 0x1000);
  EXPECT_EQ(overlapping(kHeap + 0x1008, 4), 0U);
  EXPECT_EQ(overlapping(kHeap, 4), 1U);
  points->forget(kHeap, 0x4000);
  EXPECT_EQ(points->homes(), 0U);
  make(kHeap, 4);  // from what was given back
  EXPECT_EQ(overlapping(kHeap, 4), 1U);
}

TEST_F(Points, GoByTheByte) {
  make(kHeap, 4);
  make(kHeap + 4, 4);
  points->forget(kHeap + 4, 4);
  EXPECT_EQ(overlapping(kHeap, 8), 1U);
}

TEST_F(Points, OutsideTheAddressSpaceThereAreNone) {
  EXPECT_EQ(points->lock(std::uintptr_t{1} << 60U, true), nullptr);
  points->forget(std::uintptr_t{1} << 60U, 100);
}

}  // namespace
}  // namespace vigil::shim
