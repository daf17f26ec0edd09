// Timer, Ticker, after, after_func, sleep_until: each fact of the documentation of Go's package time, with the rules
// for stop and reset from before Go 1.23. What depends on how much time passes is in test/schedule/time_test.cpp, where
// it is virtual; here the system's clock is what fires them, and nothing asks how late.
#include "vigil/timer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/panic.hpp"
#include "vigil/select.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::until_timers;

constexpr auto kNever = 24h;  // in a test

// First in this file, so that in a process of its own no task has been started yet.
TEST(Timer, FiresForAPlainThreadBeforeTheFirstTask) { EXPECT_TRUE(Timer(1ms).channel().receive().has_value()); }

// "NewTimer creates a new Timer that will send the current time on its channel after at least duration d."
TEST(Timer, SendsTheTimeAfterAtLeastItsDuration) {
  const TimePoint start = std::chrono::steady_clock::now();
  const Timer timer(5ms);
  const std::optional<TimePoint> fired = timer.channel().receive();
  ASSERT_TRUE(fired.has_value());
  EXPECT_GE(*fired - start, 5ms);
}

TEST(Timer, FiresAtOnceWhenTheDurationIsNotPositive) {
  EXPECT_TRUE(Timer(0s).channel().receive());
  EXPECT_TRUE(Timer(-5h).channel().receive());
}

TEST(Timer, TheChannelHoldsOneTickForALateReceiver) {
  const Timer timer(0s);
  EXPECT_EQ(timer.channel().capacity(), 1U);
  while (timer.channel().size() == 0) std::this_thread::yield();
  EXPECT_FALSE(timer.stop());  // it has fired; the tick stays
  EXPECT_TRUE(timer.channel().try_receive());
}

// "Stop prevents the Timer from firing. It returns true if the call stops the timer, false if the timer has already
// expired or been stopped."
TEST(Timer, StopIsTrueOnceAndOnlyBeforeItFires) {
  const Timer timer(kNever);
  until_timers(1);
  EXPECT_TRUE(timer.stop());
  until_timers(0);
  EXPECT_FALSE(timer.stop());
  EXPECT_EQ(timer.channel().size(), 0U);
}

// "Reset changes the timer to expire after duration d. It returns true if the timer had been active, false if the timer
// had expired or been stopped."
TEST(Timer, ResetMovesTheDeadlineAndSaysWhetherItWasSet) {
  const Timer timer(kNever);
  EXPECT_TRUE(timer.reset(0s));
  EXPECT_TRUE(timer.channel().receive());
  EXPECT_FALSE(timer.reset(kNever));
  until_timers(1);
  EXPECT_TRUE(timer.stop());
  EXPECT_FALSE(timer.reset(0s));
  EXPECT_TRUE(timer.channel().receive());
}

TEST(Timer, CopiesAreTheSameTimer) {
  const Timer timer(kNever);
  Timer copy = timer;  // NOLINT(performance-unnecessary-copy-initialization): the copy is the point
  EXPECT_TRUE(copy.stop());
  EXPECT_FALSE(timer.stop());
  const Timer other(kNever);
  copy = other;
  EXPECT_TRUE(copy.stop());
  EXPECT_FALSE(other.stop());
}

TEST(Timer, FiresThoughNobodyHasAHandleAnyMore) {
  const ReceiveChannel<TimePoint> channel = after(2ms);
  EXPECT_TRUE(channel.receive());
  until_timers(0);
}

// "AfterFunc waits for the duration to elapse and then calls f in its own goroutine."
TEST(AfterFunc, CallsInATaskOfItsOwn) {
  Channel<TaskId> caller(0);
  after_func(1ms, [=] { caller.send(task_id()); });
  EXPECT_NE(caller.receive(), TaskId::None);
}

TEST(AfterFunc, HasNoChannel) {
  const Timer timer = after_func(kNever, [] {});
  EXPECT_TRUE(timer.channel().is_nil());
  EXPECT_TRUE(timer.stop());
}

// "For a func-based timer created with AfterFunc(d, f), if t.Stop returns false, then the timer has already expired and
// the function f has been started in its own goroutine".
TEST(AfterFunc, StopIsFalseOnceTheFunctionHasBeenStarted) {
  Channel<Unit> started(0);
  Channel<Unit> go_on(0);
  const Timer timer = after_func(0s, [=] {
    started.send({});
    go_on.receive();
  });
  started.receive();
  EXPECT_FALSE(timer.stop());
  go_on.send({});
}

TEST(AfterFunc, AStoppedFunctionIsNeverCalledAndGoes) {
  auto shared = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = shared;
  {
    const Timer timer = after_func(kNever, [shared = std::move(shared)] { FAIL(); });
    EXPECT_FALSE(alive.expired());
    EXPECT_TRUE(timer.stop());
  }
  EXPECT_TRUE(alive.expired());
}

// "Reset either reschedules when f will run, in which case Reset returns true, or schedules f to run again, in which
// case it returns false."
TEST(AfterFunc, ResetMakesItRunAgain) {
  Channel<Unit> calls(2);
  const Timer timer = after_func(0s, [=] { calls.send({}); });
  calls.receive();
  EXPECT_FALSE(timer.reset(0s));
  EXPECT_TRUE(calls.receive());
}

TEST(Ticker, ResetSetsANewPeriodAlsoAfterStop) {
  const Ticker ticker(kNever);
  ticker.stop();
  ticker.reset(1ms);
  EXPECT_TRUE(ticker.channel().receive());
  EXPECT_TRUE(ticker.channel().receive());
  ticker.stop();
}

// "The duration d must be greater than zero; if not, NewTicker will panic."
TEST(Ticker, ANonPositivePeriodPanics) {
  EXPECT_EQ(test::panic_of([] { const Ticker ticker(0s); }), "non-positive interval for Ticker");
  EXPECT_EQ(test::panic_of([] { const Ticker ticker(-1s); }), "non-positive interval for Ticker");
  const Ticker ticker(kNever);
  EXPECT_EQ(test::panic_of([&] { ticker.reset(0s); }), "non-positive interval for Ticker");
  ticker.stop();
}

TEST(SleepUntil, WaitsForTheMomentOfAnyClock) {
  const auto steady = std::chrono::steady_clock::now() + 3ms;
  sleep_until(steady);
  EXPECT_GE(std::chrono::steady_clock::now(), steady);
  WaitGroup task;
  task.go([] {
    const auto wall = std::chrono::system_clock::now() + 3ms;
    sleep_until(wall);
    EXPECT_GE(std::chrono::system_clock::now() + 1ms, wall);
  });
  task.wait();
  sleep_until(std::chrono::steady_clock::now() - 1h);
}

TEST(Timers, AHundredThousandFireOrLeaveNothingBehind) {
  constexpr int kTimers = 100'000;
  std::atomic<int> fired{0};
  std::vector<Timer> timers;
  timers.reserve(kTimers);
  for (int i = 0; i < kTimers; ++i) {
    timers.push_back(i % 2 == 0 ? Timer(std::chrono::hours(1 + i % 7)) : Timer(std::chrono::microseconds(i % 1000)));
  }
  for (int i = 0; i < kTimers; ++i) {
    const Timer& timer = timers[static_cast<std::size_t>(i)];
    if (i % 2 == 0)
      EXPECT_TRUE(timer.stop());
    else if (timer.channel().receive())
      ++fired;
  }
  EXPECT_EQ(fired, kTimers / 2);
  until_timers(0);
}

// stop(), reset() and firing in any interleaving: a stop() that says true has kept the tick away.
TEST(Timers, StopAndFireExcludeEachOtherUnderLoad) {
  WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([i] {
      for (int round = 0; round < 1000; ++round) {
        const Timer timer(std::chrono::microseconds((round + i) % 20));
        if (round % 3 == 0) yield();
        if (timer.stop()) {
          EXPECT_EQ(timer.channel().size(), 0U);
        } else {
          EXPECT_TRUE(timer.channel().receive());
        }
        EXPECT_FALSE(timer.reset(0s));
        EXPECT_TRUE(timer.channel().receive());
      }
    });
  }
  all.wait();
  until_timers(0);
}

}  // namespace
}  // namespace vigil
