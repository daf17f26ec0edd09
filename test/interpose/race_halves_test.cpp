// What is used half by half: for a moment a granule then has three records in its node (narrow_records.hpp).
#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

using Access = void (*)(void*) noexcept;

// Two actors' 4-byte accesses to one granule, in order; a third, whom nobody told of anything, comes behind them.
class RaceEngineHalves : public RaceEngine {
 protected:
  static constexpr std::size_t kHalf = 4;
  // The granule's own is what is known of it, and three records are: b's write of its lower half and b's read of the
  // upper one, and a's write of that. Each granule is from another place, so none shares its state.
  [[nodiscard]] char* with_three_records() {
    char* const at = memory.at(8 * next_++);
    as(a);
    be_in_a_call();
    __tsan_write8(at);
    release(a, &order_);
    as(b);
    be_in_a_call();
    acquire(b, &order_);
    for (char* const half : {at, at + kHalf}) __tsan_read4(half);
    __tsan_write4(at);
    EXPECT_TRUE(is_private(cell_of(reinterpret_cast<std::uintptr_t>(at)).load()));
    EXPECT_FALSE(is_wide(cell_of(reinterpret_cast<std::uintptr_t>(at)).load()));
    return at;
  }
  char other_order_ = 0;
  std::size_t told_by(Access access, void* at) {
    told.clear();
    access(at);
    return told.size();
  }

 private:
  std::size_t next_ = 0;
  char order_ = 0;
};

TEST_F(RaceEngineHalves, EachOfThreeRecordsRaces) {
  char* at = with_three_records();
  as(c);
  be_in_a_call();
  EXPECT_EQ(told_by(__tsan_read4, at), 1U);  // with b's write
  at = with_three_records();
  as(c);
  EXPECT_EQ(told_by(__tsan_read4, at + kHalf), 1U);  // with a's write, and not with b's read
  at = with_three_records();
  as(c);
  EXPECT_EQ(told_by(__tsan_write4, at + kHalf), 2U);  // with both
}

TEST_F(RaceEngineHalves, AFourthRecordTakesThemAllAlong) {
  char* const at = with_three_records();
  release(b, &other_order_);
  __tsan_read4(at);  // beside b's write, which is of an earlier epoch by now
  as(c);
  be_in_a_call();
  EXPECT_EQ(told_by(__tsan_write4, at + kHalf), 2U);
}

TEST_F(RaceEngineHalves, TwoOfOneEpochStayBesideALaterOne) {
  for (const std::size_t half : {std::size_t{0}, kHalf}) {
    char* const at = memory.at(4096 + 8 * half);
    as(b);
    be_in_a_call();
    __tsan_read4(at + kHalf);
    __tsan_write4(at);
    release(b, &other_order_);
    __tsan_read4(at);
    EXPECT_FALSE(is_wide(cell_of(reinterpret_cast<std::uintptr_t>(at)).load()));
    as(c);
    be_in_a_call();
    EXPECT_EQ(told_by(__tsan_write4, at + half), half == 0 ? 2U : 1U);
  }
}

TEST_F(RaceEngineHalves, TheSecondHalfLeavesTheTwoWrites) {
  char* const at = with_three_records();
  __tsan_write4(at + kHalf);
  as(c);
  be_in_a_call();
  EXPECT_EQ(told_by(__tsan_write8, at), 2U);
}

}  // namespace
}  // namespace vigil::shim::race
