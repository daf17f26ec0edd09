#include "interpose/race/leaf_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace vigil::shim::race {
namespace {

using Times = std::array<ClockTime, kLeafTimes>;

// How many of the times of each side are later than the other's.
struct Leaves {
  Times mine;
  Times theirs;
};
Leaves leaves_with(std::mt19937_64& random, std::size_t mine_later, std::size_t theirs_later) {
  Leaves leaves;
  for (std::size_t i = 0; i < kLeafTimes; ++i) {
    leaves.mine[i] = leaves.theirs[i] = static_cast<ClockTime>(random() % kLastTime);
    if (i < mine_later) ++leaves.mine[i];
    if (i >= mine_later && i < mine_later + theirs_later) ++leaves.theirs[i];
  }
  // The same order on both sides.
  for (std::size_t i = kLeafTimes - 1; i > 0; --i) {
    const std::size_t other = random() % (i + 1);
    std::swap(leaves.mine[i], leaves.mine[other]);
    std::swap(leaves.theirs[i], leaves.theirs[other]);
  }
  return leaves;
}

void expect_joined(decltype(&join_leaf_times) join) {
  std::mt19937_64 random(1);
  for (const std::size_t mine_later : {0U, 1U, 2U, 60U}) {
    for (const std::size_t theirs_later : {0U, 1U, 2U, 60U}) {
      for (int i = 0; i < 50; ++i) {
        Leaves leaves = leaves_with(random, mine_later, theirs_later);
        Times expected;
        for (std::size_t t = 0; t < kLeafTimes; ++t) expected[t] = std::max(leaves.mine[t], leaves.theirs[t]);
        Times joined;
        const LaterTimes later = join(leaves.mine.data(), leaves.theirs.data(), joined.data());
        EXPECT_EQ(joined, expected);
        EXPECT_EQ(later.mine, mine_later != 0);
        EXPECT_EQ(later.theirs, theirs_later != 0);
        join(leaves.mine.data(), leaves.theirs.data(), leaves.mine.data());
        EXPECT_EQ(leaves.mine, expected);
      }
    }
  }
}

TEST(LeafTimes, AreJoinedAndComparedByWhateverTheProcessorHas) { expect_joined(join_leaf_times); }
TEST(LeafTimes, AreJoinedAndComparedByVectorsOfFour) { expect_joined(join_leaf_times_by_fours); }

}  // namespace
}  // namespace vigil::shim::race
