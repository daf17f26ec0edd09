// The race engine against its naive twin, nothing is ever lost, and the collector; a part of race_engine_test.
#include "interpose/objects.hpp"
#include "interpose/race/slot_owners.hpp"
#include "test/interpose/race_fixture.hpp"

namespace vigil::shim::race {
namespace {

// ---- the naive twin ----

struct NaiveAccess {
  NaiveEpoch at;
  bool is_write;
  bool is_atomic;
};

class EngineTwin {
 public:
  explicit EngineTwin(std::size_t bytes) : bytes_(bytes) {}
  struct Answer {
    bool must_race = false;  // with an older one, byte by byte, with all that was ever done in mind
    bool may_race = false;   // the actor did as much in this epoch before, and it raced then
  };
  Answer access(const NaiveActor& who, std::size_t first, std::size_t size, bool is_write, bool is_atomic) {
    Answer answer;
    for (std::size_t i = first; i < first + size; ++i) {
      bool known = false;
      for (const NaiveAccess& old : bytes_[i]) {
        known |= old.at.actor == who.number && old.at.time == who.time && (old.is_write || !is_write) &&
                 (!old.is_atomic || is_atomic);
      }
      for (const NaiveAccess& old : bytes_[i]) {
        const bool races = (old.is_write || is_write) && !(old.is_atomic && is_atomic) && !who.knows(old.at);
        answer.may_race |= races;
        answer.must_race |= races && !known;
      }
      if (!known) bytes_[i].push_back({who.now(), is_write, is_atomic});
    }
    return answer;
  }
  void forget(std::size_t first, std::size_t size) {
    for (std::size_t i = first; i < first + size; ++i) bytes_[i].clear();
  }

 private:
  std::vector<std::vector<NaiveAccess>> bytes_;
};

// Random accesses, edges, starts and ends of tasks; every single access must race exactly when the twin says so.
// (A race of the same epoch may be told again when a granule has more races than a state keeps.)
// What is not instrumented only tells of its variables.
enum class Code : std::uint8_t { Instrumented, Plain };
void run_program(std::uint32_t seed, std::size_t steps, std::size_t width, std::size_t points,
                 Code code = Code::Instrumented) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t below) { return random() % below; };
  struct Pair {
    std::unique_ptr<vigil_probe_actor> real = std::make_unique<vigil_probe_actor>();
    NaiveActor naive;
  };
  static std::uint64_t last_id = 1'000'000;
  std::size_t last_number = 0;
  std::vector<Pair> actors;
  const auto born = [&](Pair* parent) {
    Pair made;
    made.real->id = ++last_id;
    made.naive.number = last_number++;
    vigil_probe_task_create(parent == nullptr ? nullptr : parent->real.get(), made.real.get(), 0);
    if (parent != nullptr) made.naive.known = parent->naive.publish();
    actors.push_back(std::move(made));
  };
  vigil_probe_task_switch(nullptr);
  std::vector<NaiveClock> naive_points(points);
  std::vector<char> real_points(points);
  constexpr std::size_t kBytes = 40;
  const Memory memory(4096);
  EngineTwin twin(kBytes);
  // The first actors have parents that know nothing.
  for (std::size_t i = 0; i < 2; ++i) born(nullptr);
  const auto run = [code](const Pair& one) {
    vigil_probe_task_switch(one.real.get());
    if (code == Code::Instrumented && one.naive.number % 4 != 0) be_in_a_call();
  };
  // After an access, of which `told` says what the engine found.
  const auto expect_as_twin = [&](const Pair& one, std::size_t first, std::size_t size, bool is_write, bool is_atomic,
                                  const char* how) {
    const EngineTwin::Answer races = twin.access(one.naive, first, size, is_write, is_atomic);
    ASSERT_TRUE(told.empty() ? !races.must_race : races.may_race)
        << (told.empty() ? "not told: " : "told: ") << how << (is_atomic ? "atomic " : "")
        << (is_write ? "write" : "read") << " of " << size << " at " << first << " by actor " << one.naive.number;
  };
  for (std::size_t step = 0; step < steps && !::testing::Test::HasFatalFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const std::size_t at = pick(actors.size());
    Pair& one = actors[at];
    const std::size_t action = pick(20);
    if (action < 3) {
      const std::size_t point = pick(points);
      vigil_probe_release(one.real.get(), &real_points[point]);
      naive_points[point].join(one.naive.publish());
    } else if (action < 6) {
      const std::size_t point = pick(points);
      vigil_probe_acquire(one.real.get(), &real_points[point]);
      one.naive.known.join(naive_points[point]);
    } else if (action == 6 && actors.size() < width) {
      born(&one);
    } else if (action == 7 && actors.size() > 2) {
      vigil_probe_task_switch(nullptr);
      vigil_probe_task_end(one.real.get());
      actors.erase(actors.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (action == 8 && pick(4) == 0) {
      const std::size_t first = pick(kBytes);
      const std::size_t size = 1 + pick(kBytes - first);
      if (code == Code::Plain) vigil_probe_variable_make(memory.at(first), size);
      forget(memory.address() + first, size);  // in a plain program: nothing
      twin.forget(first, size);
    } else if (code == Code::Instrumented && action == 8 && pick(3) == 0) {
      // A block goes, and its memory is handed out anew.
      run(one);
      const std::size_t first = 8 * pick(kBytes / 8);
      const std::size_t size = 8 * (1 + pick((kBytes - first) / 8));
      told.clear();
      freed(memory.address() + first, size, 1 + pick(3));
      expect_as_twin(one, first, size, true, false, "free, ");
      forget(memory.address() + first, size);
      twin.forget(first, size);
    } else if (code == Code::Instrumented && action == 9 && pick(3) == 0) {
      // From end to end, word by word, from one place.
      run(one);
      const bool is_write = pick(3) != 0;
      const std::uintptr_t pc = 1 + pick(3);
      for (std::size_t first = 0; first < kBytes; first += 4) {
        told.clear();
        (is_write ? on_write : on_read)(memory.address() + first, 4, pc);
        expect_as_twin(one, first, 4, is_write, false, "sweep, ");
      }
    } else if (action == 9 && pick(50) == 0) {
      vigil_probe_task_switch(nullptr);
      collect_now();
    } else if (action >= 10) {
      run(one);
      const bool is_write = pick(3) == 0;
      const bool is_atomic = code == Code::Instrumented && pick(5) == 0;
      constexpr std::array<std::size_t, 5> kSizes{1, 2, 4, 8, 13};
      const std::size_t size = kSizes[pick(kSizes.size())];
      const std::size_t first = pick(kBytes - size + 1);
      told.clear();
      char* const place = memory.at(first);
      const auto address = memory.address() + first;
      const std::uintptr_t pc = 1 + pick(3);
      if (is_atomic) {
        (is_write ? on_atomic_write : on_atomic_read)(address, size, pc);
      } else if (code == Code::Plain || pick(5) == 0) {
        (is_write ? vigil_probe_variable_write : vigil_probe_variable_read)(place, size);
      } else if (pick(2) == 0) {
        (is_write ? on_write : on_read)(address, size, pc);
      } else if (size == 1) {
        is_write ? __tsan_write1(place) : __tsan_read1(place);
      } else if (size == 2) {
        is_write ? __tsan_write2(place) : __tsan_read2(place);
      } else if (size == 4) {
        is_write ? __tsan_write4(place) : __tsan_read4(place);
      } else if (size == 8) {
        is_write ? __tsan_write8(place) : __tsan_read8(place);
      } else {
        is_write ? __tsan_write_range(place, size) : __tsan_read_range(place, size);
      }
      expect_as_twin(one, first, size, is_write, is_atomic, "");
    }
  }
  vigil_probe_task_switch(nullptr);
  for (Pair& one : actors) vigil_probe_task_end(one.real.get());
  for (char& point : real_points) vigil_probe_sync_destroy(&point);
}

// RACE_PROGRAMS=10000 runs that many of each sort.
int programs(int usual) {
  const char* const wanted = std::getenv("RACE_PROGRAMS");
  return wanted == nullptr ? usual : std::atoi(wanted);
}

TEST_F(RaceEngine, FewActorsAgreeWithTheNaiveTwin) {
  for (int i = 0; i < programs(150) && !HasFatalFailure(); ++i) {
    WideRecords::spread_after(i % 2 == 0 ? 1 : WideRecords::kUsualTurns);
    run_program(static_cast<std::uint32_t>(i), 600, 4, 2);
  }
  WideRecords::spread_after(WideRecords::kUsualTurns);
}
TEST_F(RaceEngine, ManyActorsAgreeWithTheNaiveTwin) {
  for (int i = 0; i < programs(60) && !HasFatalFailure(); ++i) {
    WideRecords::spread_after(i % 2 == 0 ? 1 : WideRecords::kUsualTurns);
    run_program(static_cast<std::uint32_t>(i), 900, 24, 6);
  }
  WideRecords::spread_after(WideRecords::kUsualTurns);
}

TEST_F(WatchedVariables, AgreeWithTheNaiveTwin) {
  for (int i = 0; i < programs(100) && !HasFatalFailure(); ++i) {
    run_program(static_cast<std::uint32_t>(i), 600, i % 2 == 0 ? 4 : 14, 3, Code::Plain);
  }
}

// ---- nothing is lost ----

TEST_F(RaceEngine, OldAccessesAreNeverLost) {
  as(a);
  __tsan_write8(memory.at(0));
  for (std::uint32_t i = 1; i < 5'000'000; ++i) __tsan_write8(memory.at(8 + 8 * (i % 100'000)));
  char lock = 0;
  for (int i = 0; i < 300'000; ++i) {
    vigil_probe_lock_taken(&a, &lock, VIGIL_LOCK_EXCLUSIVE);
    __tsan_write8(memory.at(64));
    vigil_probe_lock_release(&a, &lock, VIGIL_LOCK_EXCLUSIVE);
  }
  vigil_probe_lock_destroy(&lock, 0);
  as(b);
  __tsan_read8(memory.at(0));
  ASSERT_EQ(races(), 1U);
  EXPECT_NE(stack_of(told[0].older.place), kNoStack);
}

TEST_F(RaceEngine, TheLastOfManyReadsByTurnsIsKept) {
  std::vector<vigil_probe_actor> readers(5);
  std::vector<char> points(readers.size());
  for (vigil_probe_actor& reader : readers) create(reader);
  const std::uintptr_t word = memory.address();
  char all = 0;
  for (int round = 0; round < 300; ++round) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      as(readers[i]);
      be_in_a_call();
      release(readers[i], round == 299 && i == 3 ? &points[i] : &all);
      on_read(word, 8, 1);
    }
  }
  // The writer knows of every read but reader 3's last.
  for (std::size_t i = 0; i < readers.size(); ++i) release(readers[i], i == 3 ? &points[i] : &all);
  acquire(a, &all);
  as(a);
  on_write(word, 8, 2);
  ASSERT_EQ(races(), 1U);
  EXPECT_EQ(told[0].older.word.at().slot(), order::whole(static_cast<Actor*>(readers[3].watch)->clocks).slot());
  vigil_probe_task_switch(nullptr);
  for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
  for (const char& point : points) vigil_probe_sync_destroy(&point);
  vigil_probe_sync_destroy(&all);
}

TEST_F(RaceEngine, EveryOfSixteenReadersIsRemembered) {
  std::vector<vigil_probe_actor> readers(16);
  for (vigil_probe_actor& reader : readers) create(reader);
  constexpr std::size_t kWords = 1000;
  for (vigil_probe_actor& reader : readers) {
    as(reader);
    for (std::size_t i = 0; i < kWords; ++i) __tsan_read8(memory.at(8 * i));
  }
  // All but the first reader happen before the writer.
  for (std::size_t i = 1; i < readers.size(); ++i) {
    release(readers[i], &told);
    acquire(a, &told);
  }
  as(a);
  for (std::size_t i = 0; i < kWords; ++i) __tsan_write8(memory.at(8 * i));
  EXPECT_EQ(races(), kWords);
  vigil_probe_task_switch(nullptr);
  for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
}

// V variables, each written by one early task and read by one late one, K tasks in between.
void expect_all_found(std::size_t variables, std::size_t between) {
  SCOPED_TRACE(std::to_string(variables) + " variables, " + std::to_string(between) + " tasks between");
  const Memory memory(variables * 8);
  static std::uint64_t last_id = 2'000'000;
  const auto run = [](vigil_probe_actor& task, auto&& work) {
    task.id = ++last_id;
    vigil_probe_task_create(nullptr, &task, 0);
    vigil_probe_task_switch(&task);
    work();
    vigil_probe_task_switch(nullptr);
  };
  told.clear();
  std::vector<vigil_probe_actor> all(2 * variables + between);
  // Their ends are not told before the last access: each keeps an identity of its own, or has one that was given back.
  for (std::size_t i = 0; i < variables; ++i) {
    run(all[i], [&] { __tsan_write8(memory.at(8 * i)); });
    if (i % 2 == 0) vigil_probe_task_end(&all[i]);
  }
  char lock = 0;
  const Memory working(8);
  for (std::size_t i = 0; i < between; ++i) {
    vigil_probe_actor& task = all[variables + i];
    run(task, [&] {
      vigil_probe_lock_taken(&task, &lock, VIGIL_LOCK_EXCLUSIVE);
      __tsan_write8(working.at(0));
      vigil_probe_lock_release(&task, &lock, VIGIL_LOCK_EXCLUSIVE);
    });
  }
  vigil_probe_lock_destroy(&lock, 0);
  for (std::size_t i = 0; i < variables; ++i) {
    run(all[variables + between + i], [&] { __tsan_read8(memory.at(8 * i)); });
  }
  EXPECT_EQ(told.size(), variables);
  for (vigil_probe_actor& task : all) {
    if (task.watch != nullptr) vigil_probe_task_end(&task);
  }
}

TEST_F(RaceEngine, PrecisionDoesNotDependOnHowManyTasksWorkBetween) {
  expect_all_found(1000, 0);
  expect_all_found(200, 2000);
  expect_all_found(1000, 5000);
  expect_all_found(1000, 100'000);
}

TEST_F(RaceEngine, AHundredThousandReadersOfOneWordAreNoTrouble) {
  constexpr std::size_t kReaders = 100'000;
  std::vector<vigil_probe_actor> readers(kReaders);
  for (vigil_probe_actor& reader : readers) {
    create(reader);
    as(reader);
    __tsan_read4(memory.at(0));
  }
  counts_only = true;
  as(a);
  __tsan_write4(memory.at(0));
  EXPECT_NE(told_by_threads.load(), 0U);
  vigil_probe_task_switch(nullptr);
  for (vigil_probe_actor& reader : readers) vigil_probe_task_end(&reader);
}

// ---- the collector ----

TEST_F(RaceEngine, WhatNobodyCanReachIsUsedAnew) {
  char lock = 0;
  const auto count = [&](int times) {
    for (int i = 0; i < times; ++i) {
      vigil_probe_actor& task = i % 2 == 0 ? a : b;
      as(task);
      vigil_probe_lock_taken(&task, &lock, VIGIL_LOCK_EXCLUSIVE);
      __tsan_read4(memory.at(0));
      __tsan_write4(memory.at(0));
      vigil_probe_lock_release(&task, &lock, VIGIL_LOCK_EXCLUSIVE);
    }
  };
  count(100'000);
  const std::uint32_t before = states_bound();
  count(1'000'000);
  EXPECT_EQ(races(), 0U);
  EXPECT_LT(states_bound(), before + 200'000);
  vigil_probe_lock_destroy(&lock, 0);
}

TEST_F(RaceEngine, TheSlotsOfTasksNobodyWaitedForComeBackWhenNothingHoldsTheirAccesses) {
  collect_now();
  const std::size_t before = slot_pool.graves();
  for (int i = 0; i < 1000; ++i) {
    vigil_probe_actor task{};
    create(task);
    as(task);
    __tsan_write4(memory.at(std::size_t{4} * static_cast<std::size_t>(i)));
    vigil_probe_task_switch(nullptr);
    vigil_probe_task_end(&task);
  }
  collect_now();
  EXPECT_EQ(slot_pool.graves(), before + 1000);
  forget(memory.address(), std::size_t{4} * 500);
  collect_now();
  EXPECT_EQ(slot_pool.graves(), before + 500);
  const std::uint32_t slots = slot_pool.ever_made();
  for (int i = 0; i < 100; ++i) {
    vigil_probe_actor task{};
    create(task);
    vigil_probe_task_end(&task);
  }
  EXPECT_LE(slot_pool.ever_made(), slots + 100);
}

TEST_F(RaceEngine, OwnersOfAccessesAreKnownAsLongAsTheShadowLeadsToThemAndNoLonger) {
  constexpr std::size_t kTasks = 1000;
  const auto words_of = [&](std::size_t i) { return memory.at(8 * i); };
  std::vector<ActorKey> keys;
  char joined = 0;
  collect_now();
  const std::size_t before = former_owners();
  for (std::size_t i = 0; i < kTasks; ++i) {
    vigil_probe_actor task{};
    create(task);
    keys.push_back(key_of(actor_of(&task)));
    as(task);
    __tsan_write8(words_of(i));
    release(task, &joined);
    vigil_probe_task_switch(nullptr);
    vigil_probe_task_end(&task);
    vigil_probe_acquire(nullptr, &joined);  // so that the next task gets its slot
  }
  collect_now();
  EXPECT_GE(former_owners(), before + kTasks - 10);
  as(a);  // knows nothing of them
  for (std::size_t i = 0; i < kTasks; i += 7) {
    told.clear();
    __tsan_read8(words_of(i));
    ASSERT_EQ(races(), 1U) << i;
    EXPECT_TRUE(told[0].older_owner.known) << i;
    EXPECT_EQ(told[0].older_owner.who, keys[i]) << i;
  }
  forget(memory.address(), 8 * kTasks);
  collect_now();
  EXPECT_LE(former_owners(), before + 10);
  vigil_probe_sync_destroy(&joined);
}

TEST_F(RaceEngine, AChannelThatWentIsNotFoundByAThreadThatRemembersIt) {
  char place = 0;
  vigil_probe_channel_make(&place, 1);
  ASSERT_EQ(channels().find(&place)->capacity, 1U);
  std::thread([&] {
    vigil_probe_channel_destroy(&place, 0);
    vigil_probe_channel_make(&place, 2);
  }).join();
  ASSERT_NE(channels().find(&place), nullptr);
  EXPECT_EQ(channels().find(&place)->capacity, 2U);
  std::thread([&] { vigil_probe_channel_make(&place, 3); }).join();  // the older one was never said to go
  EXPECT_EQ(channels().find(&place)->capacity, 3U);
  std::thread([&] { vigil_probe_channel_destroy(&place, 0); }).join();
  EXPECT_EQ(channels().find(&place), nullptr);
}

// Threads of the system that really meet in the same granules while others collect: ordered ones are never told, and
// each unordered pair is.
TEST_F(RaceEngine, ThreadsAndCollectorsMeetUnharmed) {
  constexpr int kThreads = 4;
  constexpr std::size_t kPrivate = 4096;
  constexpr std::size_t kShared = std::size_t{8} * 500;
  counts_only = true;
  told_by_threads.store(0);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::atomic<int> ready{0};
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&, number] {
      vigil_probe_actor self{};
      self.id = 0;
      std::mt19937 random(static_cast<std::uint32_t>(number));
      const std::size_t own = kShared + kPrivate * static_cast<std::size_t>(number);
      ready.fetch_add(1);
      while (ready.load() != kThreads) std::this_thread::yield();
      for (int round = 0; round < 30'000; ++round) {
        __tsan_read8(memory.at(8 * (random() % 500)));
        __tsan_write4(memory.at(own + 4 * (random() % (kPrivate / 4))));
        if (round % 7 == 0) vigil_probe_release(nullptr, &self);
        if (number == 0 && round % 2000 == 0) collect_now();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told_by_threads.load(), 0U);
  // None of the threads was joined by a task: whoever writes the shared words races with all four.
  as(a);
  for (std::size_t i = 0; i < 500; ++i) __tsan_write8(memory.at(8 * i));
  EXPECT_EQ(told_by_threads.load(), 500U * kThreads);
}

}  // namespace
}  // namespace vigil::shim::race
