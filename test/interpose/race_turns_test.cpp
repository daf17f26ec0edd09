// Atomic writes by actors that take turns at a word: each renews its record without a lock (wide_records.hpp), until
// somebody reads what they write as a plain variable.
#include <vector>

#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

class WritersByTurns : public RaceEngine {
 public:
  static constexpr std::size_t kWriters = 4;

  void SetUp() override {
    RaceEngine::SetUp();
    for (vigil_probe_actor& writer : writers_) create(writer);
    for (int round = 0; round < 300; ++round) all_write();
    const StateId state = cell_of(word()).load();
    ASSERT_TRUE(is_private(state) && is_wide(state));
    ASSERT_TRUE(node_of(without_bits(state)).wide->is_spread());
    ASSERT_EQ(races(), 0U);
  }
  void TearDown() override {
    vigil_probe_task_switch(nullptr);
    for (vigil_probe_actor& writer : writers_) vigil_probe_task_end(&writer);
    for (const char& point : points_) vigil_probe_sync_destroy(&point);
    vigil_probe_sync_destroy(&read_);
    RaceEngine::TearDown();
  }

  std::uintptr_t word() { return memory.address(); }
  // In an epoch of its own.
  void write_by(std::size_t i) {
    as(writers_[i]);
    be_in_a_call();
    release(writers_[i], &points_[i]);
    on_atomic_write(word(), 8, 1);
  }
  void all_write() {
    for (std::size_t i = 0; i < kWriters; ++i) write_by(i);
  }
  // By somebody who knows of all writes but those that are not published.
  void read() {
    as(a);
    be_in_a_call();
    on_read(word(), 8, 2);
    release(a, &read_);
  }
  void publish(std::size_t i) {
    release(writers_[i], &points_[i]);
    acquire(a, &points_[i]);
  }
  void learn_of_read(std::size_t i) { acquire(writers_[i], &read_); }

 private:
  std::vector<vigil_probe_actor> writers_{kWriters};
  std::vector<char> points_ = std::vector<char>(kWriters);
  char read_ = 0;
};

TEST_F(WritersByTurns, AReadThatKnowsThemAllRacesWithNone) {
  for (std::size_t i = 0; i < kWriters; ++i) publish(i);
  read();
  EXPECT_EQ(races(), 0U);
}

TEST_F(WritersByTurns, AReadRacesWithTheOneItDoesNotKnow) {
  for (std::size_t i = 0; i + 1 < kWriters; ++i) publish(i);
  write_by(kWriters - 1);
  read();
  EXPECT_EQ(races(), 1U);
}

TEST_F(WritersByTurns, WhoKnowsOfTheReadMayWriteOn) {
  for (std::size_t i = 0; i < kWriters; ++i) publish(i);
  for (int round = 0; round < 3; ++round) {
    read();
    for (std::size_t i = 0; i < kWriters; ++i) learn_of_read(i);
    for (int write = 0; write < 3; ++write) all_write();
    for (std::size_t i = 0; i < kWriters; ++i) publish(i);
  }
  EXPECT_EQ(races(), 0U);
}

TEST_F(WritersByTurns, TheOneThatDoesNotKnowOfTheReadRaces) {
  for (std::size_t i = 0; i < kWriters; ++i) publish(i);
  read();
  for (std::size_t i = 0; i + 1 < kWriters; ++i) learn_of_read(i);
  all_write();
  EXPECT_EQ(races(), 1U);
}

// The reader's record is renewed without a lock, too; no writer's may be meanwhile.
TEST_F(WritersByTurns, ARenewedReadRacesWithAWriteThatKnewOfTheFirst) {
  for (std::size_t i = 0; i < kWriters; ++i) publish(i);
  read();
  for (std::size_t i = 0; i < kWriters; ++i) learn_of_read(i);
  read();  // of a new epoch, of which the writers do not know
  write_by(1);
  EXPECT_EQ(races(), 1U);
}

}  // namespace
}  // namespace vigil::shim::race
