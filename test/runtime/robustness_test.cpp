// The runtime under circumstances: main as a task, fork, exit with live tasks, an idle program, unfair tasks.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

// ---- run() -------------------------------------------------------------------------------------------------------

TEST(Run, CallsTheFunctionAsATask) {
  const TaskId inside = run([] { return task_id(); });
  EXPECT_NE(inside, TaskId::None);
  EXPECT_EQ(task_id(), TaskId::None);
}

TEST(Run, IsAnOrdinaryCallFromATask) {
  run([] {
    const TaskId outer = task_id();
    EXPECT_EQ(run([] { return task_id(); }), outer);
  });
}

TEST(Run, GivesBackWhatTheFunctionReturnsOrThrows) {
  EXPECT_EQ(*run([] { return std::make_unique<int>(5); }), 5);
  int value = 1;
  int& same = run([&]() -> int& { return value; });
  EXPECT_EQ(&same, &value);
  EXPECT_THROW(run([] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_THROW(run([]() -> int { throw std::runtime_error("no"); }), std::runtime_error);
}

TEST(Run, MainMayTakePartInEverything) {
  const int sum = run([] {
    const Channel<int> items(3);
    go([items] {
      for (int i = 1; i <= 100; ++i) items.send(i);
      items.close();
    });
    int total = 0;
    for (const int item : items) total += item;
    return total;
  });
  EXPECT_EQ(sum, 5050);
}

TEST(Run, SeveralThreadsMayEachHaveOne) {
  const Channel<int> there(0);
  std::thread other([&] { run([&] { there.send(7); }); });
  EXPECT_EQ(run([&] { return there.receive_or_zero(); }), 7);
  other.join();
}

// ---- rest --------------------------------------------------------------------------------------------------------

std::int64_t own_processor_time_us() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::int64_t{used.tv_sec} * 1'000'000 + used.tv_nsec / 1000;
}

// Workers may still be on their way to sleep when the last task has parked, for as long as a loaded machine keeps them
// from it: so the idle time is looked at window by window until one is still. A program that waits busily has no such
// window, since even one thread among many gets more than that of half a second.
bool comes_to_rest() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr std::int64_t kMostUs = 20'000;  // they have work of their own
#else
  constexpr std::int64_t kMostUs = 2'000;
#endif
  constexpr int kWindows = 40;
  std::int64_t least_us = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < kWindows && least_us >= kMostUs; ++i) {
    const std::int64_t before = own_processor_time_us();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    least_us = std::min(least_us, own_processor_time_us() - before);
  }
  return least_us < kMostUs;
}

// ---- fork --------------------------------------------------------------------------------------------------------

struct Ended {
  int status;  // as waitpid gives it
  std::string words;
};
// Runs body in a forked child, which then ends with its result.
template <class Body>
Ended in_child(Body body) {
  int pipe_ends[2] = {-1, -1};
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDERR_FILENO);
    ::_exit(body());
  }
  ::close(pipe_ends[1]);
  Ended ended{};
  char buffer[256];
  for (ssize_t got = 0; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
    ended.words.append(buffer, static_cast<std::size_t>(got));
  ::close(pipe_ends[0]);
  EXPECT_EQ(::waitpid(child, &ended.status, 0), child);
  return ended;
}

#if !defined(__SANITIZE_THREAD__)  // it allows no thread in a child
TEST(Fork, AChildOfAProcessWithoutTasksIsLikeAnyOther) {
  ASSERT_EQ(test::counts().started, 0U);
  const Ended ended = in_child([] { return run([] { return 7; }); });
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), 7);
}
#endif

TEST(Fork, AChildOfARunningRuntimeMayUseWhatNeedsNobodyElse) {
  run([] {});
  test::until_no_task_is_left();
  const Ended ended = in_child([] {
    Mutex lock;
    lock.lock();
    lock.unlock();
    const Channel<int> box(1);
    box.send(5);
    const std::string refused = test::panic_of([] { go([] {}); });
    return box.receive_or_zero() + static_cast<int>(refused.find("forked child") != std::string::npos);
  });
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), 6);
}

TEST(Fork, AChildThatWouldWaitForEverSaysSo) {
  run([] {});
  const Ended from_thread = in_child([] { return Channel<int>(0).receive_or_zero(); });
  EXPECT_TRUE(WIFSIGNALED(from_thread.status));
  EXPECT_NE(from_thread.words.find("forked child would wait for ever"), std::string::npos) << from_thread.words;
  const Ended from_task = run([] { return in_child([] { return Channel<int>(0).receive_or_zero(); }); });
  EXPECT_TRUE(WIFSIGNALED(from_task.status));
  EXPECT_NE(from_task.words.find("forked child would wait for ever"), std::string::npos) << from_task.words;
}

TEST(Fork, AnIdleChildUsesNoProcessor) {
  run([] {});
  const Timer timer = after_func(std::chrono::hours(1), [] {});
  const Ended ended = in_child([] { return comes_to_rest() ? 7 : 1; });
  EXPECT_EQ(WEXITSTATUS(ended.status), 7);
  static_cast<void>(timer.stop());
}

TEST(Fork, TheParentGoesOn) {
  run([] {});
  in_child([] { return 0; });
  EXPECT_EQ(run([] { return 3; }), 3);
}

// ---- an end with live tasks --------------------------------------------------------------------------------------

TEST(Exit, WithTasksThatRunAndTasksThatWait) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const Channel<int> items(0);
        for (int i = 0; i < 4; ++i) go([items] { items.send(1); });
        for (int i = 0; i < 4; ++i)
          go([items] {
            for (;;) yield();
          });
        items.receive();
        std::exit(3);
      },
      testing::ExitedWithCode(3), "");
}

// ---- sizes -------------------------------------------------------------------------------------------------------

[[maybe_unused]] std::int64_t resident_kib() {
  std::ifstream status("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  status >> total >> resident;
  return resident * 4;
}

// A million with VIGIL_TEST_ROUNDS=100 and VIGIL_TEST_TASKS=1000000.
std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* const wanted = std::getenv(name);
  return wanted != nullptr ? std::strtoll(wanted, nullptr, 10) : otherwise;
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // they keep what has ended
TEST(Sizes, TasksThatComeAndGoDoNotGrowTheProgram) {
  const std::int64_t rounds = from_environment("VIGIL_TEST_ROUNDS", 30);
  const std::int64_t tasks = from_environment("VIGIL_TEST_TASKS", 10'000);
  constexpr std::int64_t kAlive = 10'000;  // at once
  const auto round = [&] {
    for (std::int64_t left = tasks; left > 0; left -= kAlive) {
      const Channel<Unit> gate(0);
      WaitGroup all;
      for (std::int64_t i = 0; i < std::min(left, kAlive); ++i) all.go([&] { gate.receive(); });
      gate.close();
      all.wait();
    }
    test::until_no_task_is_left();
  };
  std::int64_t before = 0;
  for (std::int64_t i = 1; i <= rounds; ++i) {
    round();
    if (i == 2) before = resident_kib();
    if (i == 1 || i == 10 || i == rounds)
      std::cout << "after " << i << (i == 1 ? " round: " : " rounds: ") << resident_kib() << " KiB" << std::endl;
  }
  EXPECT_LT(resident_kib(), before + before / 4 + 4096);
}
#endif

// Ten million with VIGIL_TEST_ITEMS=10000000.
TEST(Sizes, AChannelHoldsMillionsOfItems) {
  const auto wanted = static_cast<std::size_t>(from_environment("VIGIL_TEST_ITEMS", 1'000'000));
  const Channel<std::uint8_t> items(wanted);
  std::size_t sent = 0;
  while (items.try_send(static_cast<std::uint8_t>(sent))) ++sent;
  EXPECT_EQ(sent, wanted);
  items.close();
  std::size_t at = 0;
  std::size_t wrong = 0;
  for (const std::uint8_t item : items) wrong += item != static_cast<std::uint8_t>(at++) ? 1U : 0U;
  EXPECT_EQ(at, wanted);
  EXPECT_EQ(wrong, 0U);
}

TEST(Sizes, AHundredThousandTimersAllFire) {
#if defined(__SANITIZE_THREAD__)  // it takes two milliseconds to make known each task that a timer starts
  constexpr int kTimers = 2'000;
#else
  constexpr int kTimers = 100'000;
#endif
  std::atomic<int> fired{0};
  WaitGroup all;
  all.add(kTimers);
  for (int i = 0; i < kTimers; ++i)
    after_func(std::chrono::microseconds(i % 1000), [&] {
      fired.fetch_add(1, std::memory_order_relaxed);
      all.done();
    });
  all.wait();
  EXPECT_EQ(fired.load(), kTimers);
}

// ---- processors --------------------------------------------------------------------------------------------------

// Everything that may be there while nothing is to be done, after the number of workers has gone up and down.
TEST(Processors, AnIdleProgramUsesNone) {
  const Channel<int> never(0);
  const auto [ctx, cancel] = with_timeout(background(), std::chrono::hours(1));
  const Ticker ticker(std::chrono::hours(1));
  const Timer timer = after_func(std::chrono::hours(1), [] {});
  WaitGroup all;
  Mutex lock;
  lock.lock();
  for (int i = 0; i < 100; ++i) all.go([never] { never.receive(); });
  all.go([never] { select(on_receive(never), on_timeout(std::chrono::hours(1))); });
  all.go([ctx = ctx] { ctx.done().receive(); });
  all.go([&] { const std::scoped_lock held(lock); });
  daemon([never] { never.receive(); });
  std::thread plain([never] { never.receive(); });
  test::until_parked(105);
  for (const int procs : {8, 1, 2}) {
    set_max_procs(procs);
    WaitGroup some;
    for (int i = 0; i < 50; ++i) some.go([] { yield(); });
    some.wait();
  }
  EXPECT_TRUE(comes_to_rest());
  static_cast<void>(timer.stop());
  ticker.stop();
  cancel();
  lock.unlock();
  never.close();  // what a task holds for ever is a leak to the address sanitizer
  all.wait();
  plain.join();
}

// What a task may do over and over without ever parking.
struct Poll {
  const char* name;
  void (*once)(const Channel<int>& empty, Mutex& lock, const Context& ctx);
  friend std::ostream& operator<<(std::ostream& out, const Poll& poll) { return out << poll.name; }
};
constexpr Poll kPolls[] = {
    {"TryReceive", [](const Channel<int>& empty, Mutex&, const Context&) { static_cast<void>(empty.try_receive()); }},
    {"Select", [](const Channel<int>& empty, Mutex&, const Context&) { select(on_receive(empty), otherwise()); }},
    {"Lock", [](const Channel<int>&, Mutex& lock, const Context&) { const std::scoped_lock held(lock); }},
    {"TryLock",
     [](const Channel<int>&, Mutex& lock, const Context&) {
       if (lock.try_lock()) lock.unlock();
     }},
    {"Err", [](const Channel<int>&, Mutex&, const Context& ctx) { static_cast<void>(ctx.err()); }},
    {"Yield", [](const Channel<int>&, Mutex&, const Context&) { yield(); }},
    {"TrySend", [](const Channel<int>& empty, Mutex&, const Context&) { static_cast<void>(empty.try_send(1)); }},
    {"Size", [](const Channel<int>& empty, Mutex&, const Context&) { static_cast<void>(empty.size()); }},
    {"AddAndDone",
     [](const Channel<int>&, Mutex&, const Context&) {
       static WaitGroup group;
       group.add();
       group.done();
     }},
    {"OnceDone",
     [](const Channel<int>&, Mutex&, const Context&) {
       static Once once;
       once.call([] {});
     }},
    {"TryAcquire",
     [](const Channel<int>&, Mutex&, const Context&) {
       static Semaphore none(0);
       static_cast<void>(none.try_acquire());
     }},
    {"TryLockShared",
     [](const Channel<int>&, Mutex&, const Context&) {
       static RwMutex shared;
       if (shared.try_lock_shared()) shared.unlock_shared();
     }},
    {"Notify",
     [](const Channel<int>&, Mutex&, const Context&) {
       static Cond nobody_waits;
       nobody_waits.notify_all();
     }},
    {"SleepForNoTime", [](const Channel<int>&, Mutex&, const Context&) { sleep_for(std::chrono::seconds(0)); }},
    {"TaskCount", [](const Channel<int>&, Mutex&, const Context&) { static_cast<void>(task_count()); }},
    {"ErrOfADoneOne",
     [](const Channel<int>&, Mutex&, const Context&) {
       static const Context done = with_timeout(background(), std::chrono::seconds(0)).ctx;
       static_cast<void>(done.err());
     }},
    {"StopATimer",
     [](const Channel<int>&, Mutex&, const Context&) {
       static const Timer timer(std::chrono::hours(1));
       static_cast<void>(timer.stop());
     }},
    {"SendAndReceive",
     [](const Channel<int>&, Mutex&, const Context&) {
       static const Channel<int> box(1);
       box.send(1);
       box.receive();
     }},
};
class ProcessorsWith : public testing::TestWithParam<Poll> {};
INSTANTIATE_TEST_SUITE_P(Polls, ProcessorsWith, testing::ValuesIn(kPolls),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// On one worker, too; Go would interrupt it.
TEST_P(ProcessorsWith, ATaskThatNeverParksDoesNotStarveTheOthers) {
  set_max_procs(1);
  const auto [ctx, cancel] = with_cancel(background());
  const Channel<int> empty(0);
  Mutex lock;
  std::atomic<bool> over{false};
  WaitGroup all;
  for (int round = 0; round < 3; ++round) {
    over.store(false);
    all.go([&, ctx = ctx] {
      while (!over.load()) GetParam().once(empty, lock, ctx);
    });
    all.go([&] {  // behind it, and its timer behind that
      after(std::chrono::milliseconds(1)).receive();
      over.store(true);
    });
    all.wait();
  }
  EXPECT_EQ(set_max_procs(0), 1);
}

// Two tasks that hand each other the only processor, for as long as it takes.
TEST(Processors, APairOfTasksDoesNotStarveAThird) {
  set_max_procs(1);
  const Channel<int> there(0);
  const Channel<int> back(0);
  std::atomic<bool> over{false};
  WaitGroup all;
  all.go([&] {
    while (!over.load()) {
      there.send(1);
      back.receive();
    }
    there.close();
  });
  all.go([&] {
    while (there.receive()) back.send(1);
  });
  all.go([&] { over.store(true); });
  all.wait();
}

// A worker that has told nobody: the plain thread whose answer a computing task has sent gets it all the same.
TEST(Processors, AThreadIsToldThoughTheTaskThatWokeItGoesOn) {
  set_max_procs(2);
  const Channel<int> answers(0);
  const Channel<int> noise(0);
  std::array<std::atomic<bool>, 20> over{};
  WaitGroup all;
  for (int i = 0; i < 2; ++i)  // so that a keeper looks, and threads are put off
    all.go([&, i] {
      for (int n = 0; n < 10'000; ++n) i == 0 ? noise.send(n) : static_cast<void>(noise.receive());
    });
  for (std::atomic<bool>& is_over : over) {
    all.go([&] {
      answers.send(1);
      while (!is_over.load()) {  // computes, and uses no primitive
      }
    });
    EXPECT_EQ(answers.receive_or_zero(), 1);
    is_over.store(true);
  }
  all.wait();
}

}  // namespace
}  // namespace vigil
