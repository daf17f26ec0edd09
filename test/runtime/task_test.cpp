// Tasks: go, daemon, yield, sleep_for, task_count, task_id, set_max_procs.
#include <algorithm>
#include <array>
#include <cfenv>
#include <cfloat>
#include <memory>
#include <set>
#include <stdexcept>

#include <sys/resource.h>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

using namespace std::chrono_literals;

TEST(Task, RunsOnCopiesOfItsArguments) {
  const Channel<int> done(1);
  std::vector<int> mine{1, 2, 3};
  go([done](const std::vector<int>& copy,
            std::unique_ptr<int> moved) { done.send(static_cast<int>(copy.size()) + *moved); },
     mine, std::make_unique<int>(4));
  mine.clear();
  EXPECT_EQ(done.receive(), 7);
}

TEST(Task, TakesMoveOnlyFunctions) {
  const Channel<int> done(1);
  go([done, owned = std::make_unique<int>(5)]() mutable { done.send(*owned); });
  EXPECT_EQ(done.receive(), 5);
}

TEST(Task, DestroysItsClosure) {
  const auto counted = std::make_shared<int>(0);
  go([counted] {});
  until_no_task_is_left();
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(Task, LargeOrAlignedClosuresWork) {
  const Channel<bool> done(2);
  struct alignas(256) Aligned {
    char bytes[256];
  };
  std::array<char, 100'000> large{};
  large[99'999] = 42;
  go([done, large] { done.send(large[99'999] == 42); });
  go([done, aligned = Aligned{}] { done.send(reinterpret_cast<std::uintptr_t>(&aligned) % 256 == 0); });
  EXPECT_EQ(done.receive(), true);
  EXPECT_EQ(done.receive(), true);
}

TEST(Task, IdsCountFromOneInOrderOfCreation) {
  const Channel<std::uint64_t> ids(3);
  EXPECT_EQ(task_id(), TaskId::None);
  for (std::uint64_t expected = 1; expected <= 3; ++expected) {
    go([ids] { ids.send(static_cast<std::uint64_t>(task_id())); });
    EXPECT_EQ(ids.receive(), expected);
  }
}

TEST(Task, CountIsOfThoseAlive) {
  const Channel<Unit> gate(0);
  EXPECT_EQ(task_count(), 0U);
  for (int i = 0; i < 10; ++i) go([gate] { gate.receive(); });
  EXPECT_EQ(task_count(), 10U);
  gate.close();
  until_no_task_is_left();
}

TEST(Task, DaemonIsFlagged) {
  const Channel<Unit> gate(0);
  daemon([gate] { gate.receive(); });
  until_parked(1);
  EXPECT_EQ(actors()[0].flags, static_cast<std::uint32_t>(VIGIL_ACTOR_IS_DAEMON));
}

TEST(Task, YieldLetsOthersRun) {
  set_max_procs(1);
  std::string order;
  const auto steps = [&order](char name) {
    for (int i = 0; i < 3; ++i) {
      order += name;
      yield();
    }
  };
  Crew crew;
  crew.start(On::Task, [&] {  // one task starts both, so that none begins before the other exists
    WaitGroup both;
    both.go(steps, 'a');
    both.go(steps, 'b');
    both.wait();
  });
  crew.join();
  EXPECT_TRUE(order == "ababab" || order == "bababa") << order;
}

TEST(Task, AYieldingTaskDoesNotKeepTimersFromFiring) {
  set_max_procs(1);
  std::atomic<bool> slept = false;
  Crew crew;
  crew.start(On::Task, [&] {
    while (!slept) yield();
  });
  crew.start(On::Task, [&] {
    sleep_for(1ms);
    slept = true;
  });
  crew.join();
  EXPECT_TRUE(slept);
}

TEST(Task, TwoThatHandEachOtherTheProcessorDoNotStarveAThird) {
  set_max_procs(1);
  const Channel<int> there(0);
  const Channel<int> back(0);
  std::atomic<bool> third = false;
  Crew crew;
  crew.start(On::Task, [&] {
    for (const int item : there) back.send(item);
  });
  crew.start(On::Task, [&] {
    go([&] { third = true; });
    for (int i = 0; !third; ++i) {
      there.send(i);
      back.receive();
    }
    there.close();
  });
  crew.join();
  EXPECT_TRUE(third);
}

// The only other worker is idle when a task hands off and then computes for ever: the keeper must bring the other task
// there.
TEST(Task, AHandOffIsNotStuckBehindATaskThatComputes) {
  set_max_procs(2);
  std::atomic<bool> started = false;
  Crew crew;
  crew.start(On::Task, [&] {
    go([&] { started = true; });
    while (!started) {
    }
  });
  crew.join();
  EXPECT_TRUE(started);
}

TEST(Task, ABlockedWorkerDoesNotKeepItsQueueToItself) {
  set_max_procs(2);
  std::atomic<int> ran = 0;
  Crew crew;
  crew.start(On::Task, [&] {
    for (int i = 0; i < 50; ++i) go([&] { ++ran; });
    while (ran < 50) std::this_thread::sleep_for(100us);  // blocks the thread, not the task
  });
  crew.join();
  EXPECT_EQ(ran, 50);
}

class SleepOn : public OnEither {};
INSTANTIATE_TEST_SUITE_P(Waiter, SleepOn, kEither, named);

TEST_P(SleepOn, LastsAtLeastAsLongAsAsked) {
  Crew crew;
  crew.start(GetParam(), [] {
    const auto before = std::chrono::steady_clock::now();
    sleep_for(3ms);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 3ms);
    sleep_for(0ms);
    sleep_for(-1h);
  });
}

TEST_P(SleepOn, IsADeadlineThatAWatcherSees) {
  if (GetParam() == On::Task)
    go([] { sleep_for(24h); });
  else
    std::thread([] { sleep_for(24h); }).detach();
  until_parked(1);
  EXPECT_EQ(counts().timers, 1U);
  for (const Seen& one : actors())
    if (one.state == VIGIL_TASK_PARKED) {
      EXPECT_EQ(one.wait_kind, static_cast<std::uint32_t>(VIGIL_WAIT_SLEEP));
    }
}

TEST(Sleep, ManySleepersAllWake) {
  std::atomic<int> woken = 0;
  Crew crew;
  for (int i = 0; i < 1000; ++i) {
    crew.start(On::Task, [&woken, i] {
      sleep_for(20us * ((i * 37) % 100));
      ++woken;
    });
  }
  crew.join();
  EXPECT_EQ(woken, 1000);
  until_no_timer_is_left();
}

TEST(Task, ThoseWokenTogetherRunInTheOrderInWhichTheyWaited) {
  set_max_procs(1);
  const Channel<Unit> gate(0);
  std::vector<int> order;
  int waiting = 0;
  Crew crew;
  for (int i = 0; i < 200; ++i) {  // no more than a worker's queue holds
    crew.start(On::Task, [&] {
      const int place = waiting++;  // on one worker nobody comes between this and the queue
      gate.receive();
      order.push_back(place);
    });
  }
  until_parked(200);
  go([gate] { gate.close(); });
  crew.join();
  EXPECT_EQ(order.size(), 200U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

// "A negative or zero duration causes Sleep to return immediately."
TEST(Sleep, ForNoTimeReturnsAtOnce) {
  WaitGroup task;
  task.go([] {
    sleep_for(std::chrono::seconds(0));
    sleep_for(-std::chrono::hours(1));
    sleep_until(std::chrono::steady_clock::now() - std::chrono::hours(1));
  });
  task.wait();
  sleep_for(-std::chrono::hours(1));
}

// Whoever keeps the first deadline must hear of the second: else this lasts for a day.
TEST(Sleep, AShorterOneAddedLaterIsNotLate) {
  go([] { sleep_for(24h); });
  until_parked(1);
  Crew crew;
  crew.start(On::Task, [] { sleep_for(2ms); });
  crew.join();
}

TEST(MaxProcs, TellsTheSettingBefore) {
  const int before = set_max_procs(0);
  EXPECT_GE(before, 1);
  EXPECT_EQ(set_max_procs(3), before);
  EXPECT_EQ(set_max_procs(-1), 3);
  EXPECT_EQ(set_max_procs(0), 3);
}

TEST(MaxProcs, OneRunsOneTaskAtATime) {
  set_max_procs(1);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  Crew crew;
  for (int t = 0; t < 20; ++t) {
    crew.start(On::Task, [&] {
      for (int i = 0; i < 50; ++i) {
        most = std::max<int>(most, ++running);
        for (int spin = 0; spin < 100; ++spin) asm volatile("");
        --running;
        yield();
      }
    });
  }
  crew.join();
  EXPECT_EQ(most, 1);
}

TEST(MaxProcs, MayChangeWhileTasksRun) {
  std::atomic<bool> stop = false;
  std::atomic<long> steps = 0;
  Crew crew;
  for (int t = 0; t < 8; ++t) {
    crew.start(On::Task, [&] {
      while (!stop) {
        ++steps;
        yield();
      }
    });
  }
  for (int round = 0; round < 200; ++round) {
    set_max_procs(1 + round % 4);
    const long before = steps;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (steps < before + 20) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "stuck with " << 1 + round % 4;
  }
  stop = true;
}

// A task that parks inside a catch block goes on with its own exception, though others throw and catch on the same
// worker, and though it may go on on another.
TEST(Task, ExceptionsInFlightBelongToTheTask) {
  constexpr int kTasks = 16;
  std::atomic<int> right = 0;
  Crew crew;
  for (int t = 0; t < kTasks; ++t) {
    crew.start(On::Task, [&right, t] {
      for (int i = 0; i < 50; ++i) {
        try {
          throw std::runtime_error(std::to_string(t));
        } catch (const std::runtime_error&) {
          yield();
          try {
            throw;  // the one being handled: this task's
          } catch (const std::runtime_error& again) {
            if (again.what() == std::to_string(t)) ++right;
          }
        }
        if (std::uncaught_exceptions() != 0) ADD_FAILURE();
      }
    });
  }
  crew.join();
  EXPECT_EQ(right, kTasks * 50);
}

TEST(Task, MovesBetweenWorkersWithItsStackWhole) {
  constexpr int kTasks = 50;
  set_max_procs(4);
  Crew crew;
  std::atomic<int> whole = 0;
  for (int t = 0; t < kTasks; ++t) {
    crew.start(On::Task, [&, t] {
      std::array<int, 500> mine{};
      mine.fill(t);
      for (int i = 0; i < 100; ++i) yield();
      for (const int each : mine)
        if (each != t) return;
      ++whole;
    });
  }
  crew.join();
  EXPECT_EQ(whole, kTasks);
}

#if !defined(__SANITIZE_THREAD__)  // a fiber of g++ 12's thread sanitizer costs 0.8 MiB
TEST(Task, AHundredThousandMayBeAlive) {
  constexpr std::size_t kTasks = 100'000;
  const Channel<Unit> gate(0);
  WaitGroup ready;
  WaitGroup over;
  ready.add(kTasks);
  over.add(kTasks);
  for (std::size_t i = 0; i < kTasks; ++i) {
    go([&, gate] {
      ready.done();
      gate.receive();
      over.done();
    });
  }
  ready.wait();
  EXPECT_EQ(task_count(), kTasks);
  gate.close();
  over.wait();
  until_no_task_is_left();
  EXPECT_EQ(counts().peak_alive, kTasks);
}

TEST(Task, StacksAreUsedAgain) {
  // The second hundred rounds may not need more memory than the first left behind.
  const auto hundred_rounds = [] {
    for (int round = 0; round < 100; ++round) {
      WaitGroup group;
      for (int i = 0; i < 50; ++i) group.go([] { yield(); });
      group.wait();
    }
    until_no_task_is_left();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long first = hundred_rounds();
  EXPECT_LT(hundred_rounds() - first, 2048);  // KiB
}
#endif

}  // namespace
}  // namespace vigil::test
