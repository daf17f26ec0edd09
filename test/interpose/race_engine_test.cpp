// What races and what does not, access by access; whose stacks are told; what states are made.
#include "interpose/race/usual_access.hpp"
#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

TEST_F(RaceEngine, UnorderedWritesRace) {
  as(a);
  __tsan_write4(memory.at(0));
  as(b);
  __tsan_write4(memory.at(0));
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(told[0].granule, memory.address());
  EXPECT_TRUE(told[0].older.word.is_write());
}

TEST_F(RaceEngine, ReadsDoNotRace) {
  as(a);
  __tsan_read4(memory.at(0));
  as(b);
  __tsan_read4(memory.at(0));
  EXPECT_EQ(races(), 0U);
  as(c);
  __tsan_write4(memory.at(0));
  EXPECT_EQ(races(), 2U);  // with both readers
}

TEST_F(RaceEngine, AReleaseAndAnAcquireOrder) {
  as(a);
  __tsan_write8(memory.at(0));
  release(a, memory.at(64));
  acquire(b, memory.at(64));
  as(b);
  __tsan_write8(memory.at(0));
  EXPECT_EQ(races(), 0U);
  as(a);
  __tsan_read8(memory.at(0));
  EXPECT_EQ(races(), 1U);
}

TEST_F(RaceEngine, OtherBytesOfAGranuleDoNotRace) {
  as(a);
  __tsan_write2(memory.at(2));
  as(b);
  __tsan_write2(memory.at(0));
  __tsan_write4(memory.at(4));
  EXPECT_EQ(races(), 0U);
  __tsan_write1(memory.at(3));
  EXPECT_EQ(races(), 1U);
}

TEST_F(RaceEngine, AccessesAcrossGranulesAreWholeAndPrecise) {
  as(a);
  __tsan_write_range(memory.at(5), 13);  // bytes 5 to 17
  as(b);
  __tsan_read4(memory.at(0));
  __tsan_read1(memory.at(4));
  __tsan_read4(memory.at(18));
  __tsan_read8(memory.at(18));  // misaligned
  EXPECT_EQ(races(), 0U);
  __tsan_read1(memory.at(5));
  __tsan_read1(memory.at(17));
  __tsan_read16(memory.at(8));
  EXPECT_EQ(races(), 3U);
}

TEST_F(RaceEngine, AtomicAccessesRaceWithPlainOnesOnly) {
  as(a);
  on_atomic_write(memory.address(), 4, 1);
  as(b);
  on_atomic_write(memory.address(), 4, 1);
  EXPECT_EQ(races(), 0U);
  as(c);
  __tsan_read4(memory.at(0));
  EXPECT_EQ(races(), 2U);
  told.clear();
  __tsan_read4(memory.at(8));
  as(a);
  on_atomic_read(memory.address() + 8, 4, 1);
  EXPECT_EQ(races(), 0U);
  on_atomic_write(memory.address() + 8, 4, 1);
  EXPECT_EQ(races(), 1U);
}

TEST_F(RaceEngine, FreedMemoryMayNotBeUsedEvenInOrder) {
  as(a);
  __tsan_write8(memory.at(16));
  freed(memory.address(), 64, 1);
  EXPECT_EQ(races(), 0U);
  __tsan_read8(memory.at(16));
  ASSERT_EQ(races(), 1U);
  EXPECT_TRUE(told[0].older.word.is_free());
  __tsan_write1(memory.at(63));
  EXPECT_EQ(races(), 2U);
  told.clear();
  forget(memory.address(), 64);
  __tsan_write8(memory.at(16));
  as(b);
  __tsan_write8(memory.at(24));
  EXPECT_EQ(races(), 0U);
}

TEST_F(RaceEngine, AFreeThatNothingOrdersRacesWithTheUse) {
  as(a);
  __tsan_read1(memory.at(40));
  as(b);
  freed(memory.address(), 64, 1);
  EXPECT_EQ(races(), 1U);
}

TEST_F(RaceEngine, OnlyTheForgottenBytesAreForgotten) {
  as(a);
  __tsan_write_range(memory.at(0), 24);
  forget(memory.address() + 3, 16);  // bytes 3 to 18
  as(b);
  __tsan_write_range(memory.at(3), 16);
  EXPECT_EQ(races(), 0U);
  __tsan_write1(memory.at(2));
  __tsan_write1(memory.at(19));
  EXPECT_EQ(races(), 2U);
}

TEST_F(RaceEngine, ATasksStackIsForgottenWithIt) {
  // The record of a task lies above all it uses of its stack.
  auto* const first = reinterpret_cast<vigil_probe_actor*>(memory.at((1U << 20) - 64));
  *first = {};
  create(*first);
  as(*first);
  __tsan_func_entry(reinterpret_cast<void*>(0x1234));
  __tsan_write8(memory.at((1U << 20) - 4096));
  __tsan_func_exit();
  vigil_probe_task_switch(nullptr);
  vigil_probe_task_end(first);
  as(b);
  __tsan_write8(memory.at((1U << 20) - 4096));
  EXPECT_EQ(races(), 0U);
}

// A call from that place: on a frame of its own, as every call is.
template <class Body>
[[gnu::noinline]] void inside(std::uintptr_t from, Body&& body) {
  __tsan_func_entry(reinterpret_cast<void*>(from));
  body();
  __tsan_func_exit();
}
[[gnu::noinline]] void lost_calls(int depth) {
  __tsan_func_entry(reinterpret_cast<void*>(0x2000));
  if (depth != 0) lost_calls(depth - 1);
  asm volatile("");  // so that the call above is one
}

TEST_F(RaceEngine, BothStacksAreThere) {
  as(a);
  inside(0x1000, [&] { inside(0x2000, [&] { __tsan_write4(memory.at(0)); }); });
  as(b);
  inside(0x3000, [&] { __tsan_write4(memory.at(0)); });
  ASSERT_EQ(races(), 1U);
  const auto older = frames_of(stack_of(told[0].older.place));
  ASSERT_EQ(older.size(), 3U);
  EXPECT_EQ(older[1], 0x1fffU);  // in the call: one before the return address
  EXPECT_EQ(older[2], 0x0fffU);
  const auto newer = frames_of(stack_of(told[0].newer.place));
  ASSERT_EQ(newer.size(), 2U);
  EXPECT_EQ(newer[1], 0x2fffU);
}

[[gnu::noinline]] void descend(int depth, char* at) {
  __tsan_func_entry(__builtin_return_address(0));
  if (depth == 0) {
    __tsan_write4(at);
  } else {
    descend(depth - 1, at);
  }
  __tsan_func_exit();
}

TEST_F(RaceEngine, CallsAHundredThousandDeepDoNoHarm) {
  constexpr int kDepth = 100'000;
  std::thread deep([&] {  // with a stack of its own, deep enough by the default limit of 8 MiB
    as(a);
    descend(kDepth / 2, memory.at(0));
    vigil_probe_task_switch(nullptr);
  });
  deep.join();
  as(b);
  __tsan_write4(memory.at(0));
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(frames_of(stack_of(told[0].older.place)).size(), kMaxFrames);
}

TEST_F(RaceEngine, ALongJumpLeavesNoCallsBehind) {
  as(a);
  __tsan_func_entry(reinterpret_cast<void*>(0x1000));
  const CallFrame* const before = hot.top;
  lost_calls(5);  // deeper on the stack, and they never say that they end
  EXPECT_GT(hot.top, before + 4);
  __tsan_func_entry(reinterpret_cast<void*>(0x3000));
  EXPECT_LE(hot.top, before + 2);
  while (hot.top > before) __tsan_func_exit();
  __tsan_func_exit();
}

TEST_F(RaceEngine, AVariableUsedInEveryEpochNeedsNoNewStates) {
  as(a);
  const auto use = [&](int times) {
    for (int i = 0; i < times; ++i) {
      __tsan_read8(memory.at(0));
      __tsan_write8(memory.at(0));
      release(a, memory.at(64));
    }
  };
  use(4);
  const std::uint64_t before = states_made();
  use(10'000);
  EXPECT_LE(states_made() - before, 64U);  // one thread's stock
  as(b);
  __tsan_read8(memory.at(0));
  EXPECT_EQ(races(), 1U);
}

// As the loops of a pool read what they share; for several sizes of the block that holds such records, and beyond.
TEST_F(RaceEngine, WhatSeveralReadInEveryEpochNeedsNoNewStatesAndForgetsNobody) {
  for (const std::size_t count : {3U, 5U, 9U, 20U}) {
    SCOPED_TRACE(std::to_string(count) + " readers");
    const Memory shared(4096);
    std::vector<vigil_probe_actor> readers(count);
    for (vigil_probe_actor& reader : readers) create(reader);
    std::vector<char> points(count);
    const auto read = [&](int rounds) {
      for (int i = 0; i < rounds; ++i) {
        for (std::size_t r = 0; r < count; ++r) {
          as(readers[r]);
          on_read(shared.address(), 8, 1);
          release(readers[r], &points[r]);
        }
      }
    };
    as(c);
    on_write(shared.address(), 8, 2);
    for (vigil_probe_actor& reader : readers) {
      release(c, &told);
      acquire(reader, &told);
    }
    read(4);
    const std::uint64_t before = states_made();
    read(1000);
    EXPECT_LE(states_made() - before, 64U);  // one thread's stock
    EXPECT_EQ(races(), 0U);
    // The writer knows all that was read, but for one reader's last time.
    for (char& point : points) acquire(b, &point);
    as(readers.back());
    on_read(shared.address(), 8, 1);
    as(b);
    on_write(shared.address(), 8, 3);
    EXPECT_EQ(races(), 1U);
    told.clear();
    vigil_probe_task_switch(nullptr);
    for (char& point : points) vigil_probe_sync_destroy(&point);
    for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
  }
  vigil_probe_sync_destroy(&told);
}

// As threads do that wait for one flag and are woken in any order. What is constructed is the order; what is counted,
// the records that are made and kept.
TEST_F(RaceEngine, ManyThatReadAgainInAnotherOrderLeaveAFewRecordsEach) {
  constexpr std::size_t kReaders = 1000;
  constexpr std::size_t kRounds = 30;
  std::vector<vigil_probe_actor> readers(kReaders);
  std::vector<char> points(kReaders);
  for (vigil_probe_actor& reader : readers) create(reader);
  std::vector<std::size_t> turns(kReaders);
  std::iota(turns.begin(), turns.end(), 0U);
  std::mt19937 random(1);
  const std::uint64_t before = states_made();
  for (std::size_t round = 0; round < kRounds; ++round) {
    if (round % 3 == 1) std::reverse(turns.begin(), turns.end());
    if (round % 3 == 2) std::shuffle(turns.begin(), turns.end(), random);
    for (const std::size_t i : turns) {
      as(readers[i]);
      on_atomic_read(memory.address(), 1, 1);
      if (round % 2 == 0) release(readers[i], &points[i]);  // else it reads again in the same epoch
    }
    const StateId state = cell_of(memory.address()).load();
    ASSERT_FALSE(is_private(state));
    EXPECT_LE(node_of(state).chain.depth, 4 * kReaders);
  }
  EXPECT_LE(states_made() - before, 4 * kReaders * kRounds);
  // Every reader is there with its last read: the writer knows of them all, but for one.
  for (std::size_t i = 0; i < kReaders; ++i) {
    if (i == 123) continue;
    release(readers[i], &points[i]);
    acquire(a, &points[i]);
  }
  as(a);
  on_write(memory.address(), 1, 2);
  ASSERT_GE(races(), 1U);
  const ClockSlot forgotten = order::whole(static_cast<Actor*>(readers[123].watch)->clocks).slot();
  for (const FoundRaces::Pair& pair : told) EXPECT_EQ(pair.older.word.at().slot(), forgotten);
  vigil_probe_task_switch(nullptr);
  for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
  for (const char& point : points) vigil_probe_sync_destroy(&point);
}

TEST_F(RaceEngine, AtomicAccessesOfManyTasksStillRaceWithPlainOnes) {
  // A chain so deep that an atomic access looks at the plain records alone.
  constexpr int kTasks = 200;
  as(c);
  __tsan_write8(memory.at(0));
  std::vector<std::unique_ptr<vigil_probe_actor>> others;
  const auto one_more = [&](bool writes) {
    others.push_back(std::make_unique<vigil_probe_actor>());
    create(*others.back(), &c);
    as(*others.back());
    (writes ? on_atomic_write : on_atomic_read)(memory.address(), 8, 1);
  };
  for (int i = 0; i < kTasks; ++i) one_more(i % 2 == 0);
  EXPECT_EQ(races(), 0U);  // c wrote before it started them
  as(a);
  __tsan_read4(memory.at(4));
  EXPECT_GE(races(), 1U);
  told.clear();
  one_more(true);
  ASSERT_EQ(races(), 1U);
  EXPECT_FALSE(told[0].older.word.is_write());
  vigil_probe_task_switch(nullptr);
  for (const auto& other : others) vigil_probe_task_end(other.get());
}

TEST_F(RaceEngine, ThreadsThatMeetOnOneVariableLoseNoAccess) {
  // Atomic accesses, so that they may meet; each round ends with a plain one by who is ordered after neither.
  counts_only = true;
  for (int round = 0; round < 20; ++round) {
    const std::uintptr_t at = memory.address() + 8 * static_cast<std::uintptr_t>(round);
    std::atomic<int> ready{0};
    const auto work = [&](vigil_probe_actor& self) {
      as(self);
      ready.fetch_add(1);
      while (ready.load() != 2) std::this_thread::yield();
      for (int i = 0; i < 300; ++i) {
        on_atomic_write(at, 8, 1);
        release(self, &self);
      }
      vigil_probe_task_switch(nullptr);
    };
    std::thread one([&] { work(a); });
    std::thread other([&] { work(b); });
    one.join();
    other.join();
    told_by_threads = 0;
    as(c);
    __tsan_read8(memory.at(static_cast<std::size_t>(at - memory.address())));
    EXPECT_EQ(told_by_threads.load(), 2U) << "round " << round;
    vigil_probe_task_switch(nullptr);
  }
}

// A read that was renewed without the lock, and taken back, may have come into the state all the same: then it stands
// there, compared with nothing.
TEST_F(RaceEngine, ARenewalThatWasTakenBackIsComparedAgain) {
  const std::uintptr_t word = memory.address();
  as(b);
  on_write(word, 8, 1);
  as(a);
  be_in_a_call();
  on_read(word, 8, 2);
  EXPECT_EQ(races(), 1U);  // as it is, not taken back
  told.clear();
  on_read(word, 8, 2);
  EXPECT_EQ(races(), 0U);  // its record covers it
  hot.thread->in_doubt = true;
  any_access(word, 8, 0, 3);  // the way that such a read goes on
  EXPECT_EQ(races(), 1U);
  EXPECT_FALSE(hot.thread->in_doubt);
}

// Each word has a state of its own, whose two records cover the whole word together: only the thread's table says so.
TEST_F(RaceEngine, WhoComesToMuchThatIsCoveredRemembersMoreOfItAndForgetsWithTheCollector) {
  constexpr std::uintptr_t kWords = 3000;
  const auto word = [this](std::uintptr_t index) { return memory.address() + index * 8; };
  counts_only = true;
  told_by_threads = 0;
  std::thread([&] {  // with a table of few entries
    as(a);
    be_in_a_call();
    on_write(word(kWords), 8, 1);
    const CoveredTable* const few = hot.covered;
    for (std::uintptr_t i = 0; i < kWords; ++i) {
      on_read(word(i), 4, 2 * i + 2);
      on_read(word(i) + 4, 4, 2 * i + 3);
    }
    for (std::uintptr_t i = 0; i < kWords; ++i) on_read(word(i), 8, 1);
    on_write(word(kWords + 1), 8, 1);  // makes a state, which is when tables grow
    EXPECT_NE(hot.covered, few);
    collect_now();
    for (std::uintptr_t i = 0; i < kWords; ++i) on_read(word(i), 8, 1);
    EXPECT_EQ(told_by_threads.load(), 0U);
    as(b);
    be_in_a_call();
    for (std::uintptr_t i = 0; i < kWords; ++i) on_write(word(i), 8, 1);
    EXPECT_EQ(told_by_threads.load(), 2 * kWords);
    vigil_probe_task_switch(nullptr);
  })
      .join();
}

// An access of 16 bytes moves both granules at once where they are in one state, and one by one where they are not.
TEST_F(RaceEngine, AnAccessOfTwoGranulesRacesForEitherAndIsToldOnce) {
  as(a);
  be_in_a_call();
  for (std::size_t at = 0; at < 64; at += 16) __tsan_write16(memory.at(at));
  for (std::size_t at = 0; at < 64; at += 16) __tsan_read16(memory.at(at));
  EXPECT_EQ(races(), 0U);
  as(b);
  be_in_a_call();
  __tsan_read8(memory.at(56));
  EXPECT_EQ(races(), 1U);
  for (std::size_t at = 0; at < 48; at += 16) __tsan_read16(memory.at(at));
  EXPECT_EQ(races(), 4U);
  for (std::size_t at = 72; at < 136; at += 16) __tsan_write16(memory.at(at));  // not on one word of the shadow
  as(a);
  for (std::size_t at = 64; at < 144; at += 16) __tsan_write16(memory.at(at));
  EXPECT_EQ(races(), 4U + 5U);  // the first for its second granule alone, the last for its first
}

// Five actors read a word in turn, in ever new epochs, until each record has a line of its own; then what is written
// without the lock must be there for whoever asks, and what happened meanwhile must be there for who writes without it.
TEST_F(RaceEngine, ReadersThatTakeTurnsLoseNothing) {
  std::vector<vigil_probe_actor> readers(5);
  std::vector<char> points(readers.size());
  for (vigil_probe_actor& reader : readers) create(reader);
  const std::uintptr_t word = memory.address();
  const auto read_by = [&](std::size_t i) {
    as(readers[i]);
    be_in_a_call();
    release(readers[i], &points[i]);  // a new epoch
    on_read(word, 8, 1);
  };
  for (int round = 0; round < 300; ++round) {
    for (std::size_t i = 0; i < readers.size(); ++i) read_by(i);
  }
  const StateId state = cell_of(word).load();
  ASSERT_TRUE(is_private(state) && is_wide(state));
  EXPECT_TRUE(node_of(without_bits(state)).wide->is_spread());

  // Writes after all reads, of which all readers but one know. An atomic one leaves the reads where they are, and the
  // second renews the first.
  char after = 0;
  char written = 0;
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    told.clear();
    for (std::size_t i = 0; i < readers.size(); ++i) {
      release(readers[i], &after);
      acquire(a, &after);
    }
    as(a);
    be_in_a_call();
    round < 3 ? on_atomic_write(word, 8, 2) : on_write(word, 8, 2);
    release(a, &written);
    EXPECT_EQ(races(), 0U);
    const std::size_t ignorant = round % 3 == 2 ? 2 : readers.size();
    for (std::size_t i = 0; i < readers.size(); ++i) {
      if (i != ignorant) acquire(readers[i], &written);
    }
    for (std::size_t i = 0; i < readers.size(); ++i) {
      told.clear();
      read_by(i);
      EXPECT_EQ(races(), i == ignorant ? 1U : 0U) << "reader " << i;
    }
    for (std::size_t i = 0; i < readers.size(); ++i) read_by(i);
  }
  vigil_probe_task_switch(nullptr);
  for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
  for (const char& point : points) vigil_probe_sync_destroy(&point);
  vigil_probe_sync_destroy(&after);
  vigil_probe_sync_destroy(&written);
}

}  // namespace
}  // namespace vigil::shim::race
