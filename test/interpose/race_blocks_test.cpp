// What several actors use in ever new epochs has its records in one block (wide_records.hpp): which of an actor's
// places stands there, and what a write leaves of it.
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

class RecordsInABlock : public RaceEngine, public testing::WithParamInterface<std::uint8_t> {
 public:
  static constexpr std::size_t kReaders = 4;

  void SetUp() override {
    RaceEngine::SetUp();
    WideRecords::spread_after(GetParam());
    for (vigil_probe_actor& reader : readers_) create(reader);
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < kReaders; ++i) read(i, 1);
    }
    const StateId state = cell_of(word()).load();
    ASSERT_TRUE(is_private(state) && is_wide(state));
    ASSERT_EQ(node_of(without_bits(state)).wide->is_spread(), GetParam() == 1);
    ASSERT_EQ(races(), 0U);
  }
  void TearDown() override {
    vigil_probe_task_switch(nullptr);
    for (vigil_probe_actor& reader : readers_) vigil_probe_task_end(&reader);
    for (const char& point : points_) vigil_probe_sync_destroy(&point);
    vigil_probe_sync_destroy(&all_);
    WideRecords::spread_after(WideRecords::kUsualTurns);
    RaceEngine::TearDown();
  }

  std::uintptr_t word() { return memory.address(); }
  void read_on(std::size_t i, std::uintptr_t pc, std::size_t bytes = 8) {
    as(readers_[i]);
    be_in_a_call();
    on_read(word(), bytes, pc);
  }
  // In an epoch of its own.
  void read(std::size_t i, std::uintptr_t pc, std::size_t bytes = 8) {
    as(readers_[i]);
    be_in_a_call();
    release(readers_[i], &points_[i]);
    on_read(word(), bytes, pc);
  }
  void read_by_parity(std::size_t i) {
    as(readers_[i]);
    be_in_a_call();
    release(readers_[i], &points_[i]);
    on_read(word(), 8, 0x1010 + Epoch::from_bits(*hot.epoch).time() % 2);
  }
  void write(vigil_probe_actor& writer, std::uintptr_t pc, std::size_t bytes = 8) {
    as(writer);
    be_in_a_call();
    on_write(word(), bytes, pc);
  }
  // Whoever that is knows what all readers but one have read.
  void learn_of_all_but(std::size_t last, vigil_probe_actor& who) {
    for (std::size_t i = 0; i < kReaders; ++i) {
      if (i == last) continue;
      release(readers_[i], &points_[i]);
      acquire(who, &points_[i]);
    }
  }
  void tell_all(vigil_probe_actor& who) {
    release(who, &all_);
    for (vigil_probe_actor& reader : readers_) acquire(reader, &all_);
  }

 private:
  std::vector<vigil_probe_actor> readers_{kReaders};
  std::vector<char> points_ = std::vector<char>(kReaders);
  char all_ = 0;
};

// Of the stacks of its records, the pc of the innermost frame.
std::uintptr_t pc_of(const AccessRecord& record) { return frames_of(stack_of(record.place))[0]; }

TEST_P(RecordsInABlock, OfOneEpochTheFirstPlaceStands) {
  constexpr std::uintptr_t kFirst = 0x1010;
  read(2, kFirst);
  read_on(2, kFirst + 0x100);
  learn_of_all_but(2, b);
  write(b, 2);
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(pc_of(told[0].older), kFirst - 1);
}

TEST_P(RecordsInABlock, OfSeveralEpochsTheLastPlaceStands) {
  constexpr std::uintptr_t kLast = 0x1010;
  for (std::uintptr_t pc = kLast + 0x1000; pc >= kLast; pc -= 0x100) read(2, pc);
  learn_of_all_but(2, b);
  write(b, 2);
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(pc_of(told[0].older), kLast - 1);
}

// A reader that reads from ever other places keeps the others from nothing.
TEST_P(RecordsInABlock, AReadFromAnotherPlaceLosesNobody) {
  for (std::uintptr_t pc = 0x1000; pc < 0x1100; pc += 0x10) {
    for (std::size_t i = 0; i < kReaders; ++i) read(i, i == 2 ? pc : 1);
  }
  write(b, 2);
  EXPECT_EQ(races(), kReaders);
}

TEST_P(RecordsInABlock, AWriteThatKnowsThemAllIsAllThatIsLeft) {
  learn_of_all_but(kReaders, b);
  write(b, 2);
  EXPECT_EQ(races(), 0U);
  write(c, 3);
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(pc_of(told[0].older), 1U);  // one before the return address
}

TEST_P(RecordsInABlock, AWriteRacesWithTheOneReadThatItDoesNotKnow) {
  for (int round = 0; round < 3; ++round) {
    learn_of_all_but(kReaders, b);
    write(b, 2);
    tell_all(b);
    for (std::size_t i = 0; i < kReaders; ++i) read(i, 1);
  }
  EXPECT_EQ(races(), 0U);
  learn_of_all_but(1, b);
  write(b, 2);
  EXPECT_EQ(races(), 1U);
}

// What was read byte by byte in one epoch stays, byte by byte.
TEST_P(RecordsInABlock, AWriteOfAHalfLeavesTheOtherHalf) {
  learn_of_all_but(kReaders, b);
  write(b, 2, 4);
  EXPECT_EQ(races(), 0U);
  as(c);
  on_write(word() + 4, 4, 3);
  EXPECT_EQ(races(), kReaders);
}

// A reader renews its record from two places by turns, one for each parity of its epochs: whoever looks, with the lock,
// sees an epoch with the place of its own.
TEST_P(RecordsInABlock, AnEpochIsSeenWithItsPlace) {
  constexpr int kReads = 30000;
  WideRecords& records = *node_of(without_bits(cell_of(word()).load())).wide;
  std::atomic<ClockSlot> slot{};
  std::atomic<bool> done{false};
  std::thread reader([&] {
    for (int i = 0; i < kReads; ++i) {
      read_by_parity(2);
      if (i == 0) slot = Epoch::from_bits(*hot.epoch).slot();
    }
    vigil_probe_task_switch(nullptr);
    done = true;
  });
  while (slot.load() == ClockSlot{}) std::this_thread::yield();
  std::array<PlaceId, 2> places{};
  int wrong = 0;
  while (!done.load()) {
    std::uint8_t open = 0;
    if (!records.lock().compare_exchange_strong(open, 1)) continue;
    records.each([&](AccessWord record, PlaceId place) {
      if (record.at().slot() != slot.load()) return;
      PlaceId& known = places[record.at().time() % 2];
      if (known == PlaceId{}) known = place;
      wrong += known == place ? 0 : 1;
    });
    records.lock().store(0);
  }
  reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(races(), 0U);
}

INSTANTIATE_TEST_SUITE_P(SpreadOrNot, RecordsInABlock, testing::Values(WideRecords::kUsualTurns, std::uint8_t{1}));

}  // namespace
}  // namespace vigil::shim::race
