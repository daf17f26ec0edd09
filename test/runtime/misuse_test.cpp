// What happens when a call is used as it must not be, as far as the tests of each primitive do not show it: what throws
// Panic, what waits for ever, what a handle is that was moved from. docs/conformance.md lists all of it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::panic_of;
using test::until_parked;

// ---- functions that are not there --------------------------------------------------------------------------------

// Where it is given, not where it would be called; and nothing has begun.
TEST(NullFunction, IsRefusedByWhoeverWouldStartATask) {
  constexpr const char* kRefused = "go of nil func value";
  struct Widget {
    void turn() {}
  };
  void (*const pointer)() = nullptr;
  void (Widget::*const member)() = nullptr;
  const std::function<void()> empty;
  const std::function<std::error_code()> empty_with_error;
  EXPECT_EQ(panic_of([&] { go(pointer); }), kRefused);
  EXPECT_EQ(panic_of([&] { go(member, Widget{}); }), kRefused);
  EXPECT_EQ(panic_of([&] { go(empty); }), kRefused);
  EXPECT_EQ(panic_of([&] { go(background(), empty); }), kRefused);
  EXPECT_EQ(panic_of([&] { daemon(pointer); }), kRefused);
  EXPECT_EQ(panic_of([&] { after_func(0s, empty); }), kRefused);
  EXPECT_EQ(panic_of([&] { after_func(background(), empty); }), kRefused);
  WaitGroup all;
  EXPECT_EQ(panic_of([&] { all.go(empty); }), kRefused);
  all.wait();
  ErrorGroup group;
  EXPECT_EQ(panic_of([&] { group.go(empty); }), kRefused);
  EXPECT_EQ(panic_of([&] { static_cast<void>(group.try_go(empty_with_error)); }), kRefused);
  group.wait();
  WorkerPool pool(1);
  EXPECT_EQ(panic_of([&] { pool.submit(empty); }), kRefused);
  EXPECT_EQ(panic_of([&] { static_cast<void>(pool.try_submit(pointer)); }), kRefused);
  pool.wait();
  EXPECT_EQ(test::counts().started, 0U);
}

TEST(NullFunction, OneThatIsThereIsCalled) {
  static Channel<int> results(3);
  struct Widget {
    void turn() { results.send(1); }
  };
  const std::function<void()> function = [] { results.send(1); };
  void (*const pointer)() = [] { results.send(1); };
  go(pointer);
  go(&Widget::turn, Widget{});
  go(function);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(results.receive(), 1);
}

// ---- handles that were moved from --------------------------------------------------------------------------------

// NOLINTBEGIN(bugprone-use-after-move): what is left is the point
TEST(MovedFrom, AChannelIsNil) {
  Channel<int> channel(1);
  const Channel<int> other = std::move(channel);
  EXPECT_TRUE(channel.is_nil());
  EXPECT_EQ(panic_of([&] { channel.close(); }), "close of nil channel");
}

TEST(MovedFrom, AContextIsTheBackground) {
  CancelContext made = with_cancel(background());
  const Context other = std::move(made.ctx);
  EXPECT_EQ(made.ctx, background());
  made.cancel();
  EXPECT_TRUE(other.err());
}

// NOLINTBEGIN(performance-move-const-arg): that moving copies is what they show
TEST(MovedFrom, WhatCancelsOrStopsStillDoes) {
  CancelContext made = with_cancel(background());
  const CancelFunction cancel = std::move(made.cancel);
  made.cancel();
  EXPECT_EQ(made.ctx.err(), ContextError::Canceled);

  CancelCauseContext caused = with_cancel_cause(background());
  const CancelCauseFunction cancel_cause = std::move(caused.cancel);
  caused.cancel();
  EXPECT_EQ(caused.ctx.err(), ContextError::Canceled);

  const CancelContext watched = with_cancel(background());
  StopFunction stop = after_func(watched.ctx, [] { FAIL(); });
  const StopFunction other_stop = std::move(stop);
  EXPECT_TRUE(stop());
  EXPECT_FALSE(other_stop());
  watched.cancel();

  StopController controller;
  const StopController other = std::move(controller);
  controller.stop();
  EXPECT_EQ(select(on_receive(other.stopped()), otherwise()), 0U);
}

TEST(MovedFrom, ATimerIsStillTheTimer) {
  Timer timer(24h);
  const Timer other = std::move(timer);
  EXPECT_TRUE(timer.stop());
  EXPECT_FALSE(other.stop());
  EXPECT_FALSE(timer.reset(0s));
  EXPECT_TRUE(timer.channel().receive());
  Ticker ticker(24h);
  const Ticker other_ticker = std::move(ticker);
  ticker.reset(1ms);
  EXPECT_TRUE(other_ticker.channel().receive());
  ticker.stop();
}
// NOLINTEND(performance-move-const-arg)

TEST(MovedFrom, ASelectorHasNoCases) {
  Selector selector;
  selector.add_otherwise();
  Selector other = std::move(selector);
  EXPECT_EQ(selector.size(), 0U);
  EXPECT_EQ(other.select(), 0U);
}
// NOLINTEND(bugprone-use-after-move)

// ---- by way of one direction -------------------------------------------------------------------------------------

TEST(SendChannel, IsMisusedAsAChannelIs) {
  const Channel<int> channel(1);
  const SendChannel<int> in = channel;
  in.close();
  EXPECT_EQ(panic_of([&] { in.send(1); }), "send on closed channel");
  EXPECT_EQ(panic_of([&] { static_cast<void>(in.try_send(1)); }), "send on closed channel");
  EXPECT_EQ(panic_of([&] { in.close(); }), "close of closed channel");
  EXPECT_EQ(panic_of([&] { select(on_send(in, 1)); }), "send on closed channel");
  EXPECT_EQ(panic_of([] { SendChannel<int>().close(); }), "close of nil channel");
  EXPECT_FALSE(SendChannel<int>().try_send(1));
}

TEST(ReceiveChannel, OfNilIsNeverReady) {
  EXPECT_EQ(ReceiveChannel<int>().try_receive(), std::nullopt);
  EXPECT_EQ(ReceiveChannel<int>().size() + ReceiveChannel<int>().capacity(), 0U);
}

// ---- waits that nobody ends --------------------------------------------------------------------------------------

// Called in a task. What is waited for outlives the test: static, or never deleted.
struct Wait {
  const char* name;
  std::size_t parked;
  void (*call)();
  friend std::ostream& operator<<(std::ostream& out, const Wait& wait) { return out << wait.name; }
};
constexpr Wait kWaits[] = {
    {"MutexLockedTwice", 1,
     [] {
       static Mutex lock;
       lock.lock();
       lock.lock();
     }},
    {"RwMutexLockedTwice", 1,
     [] {
       static RwMutex lock;
       lock.lock();
       lock.lock();
     }},
    {"RwMutexWrittenByItsReader", 1,
     [] {
       static RwMutex lock;
       lock.lock_shared();
       lock.lock();
     }},
    {"RwMutexReadTwiceAroundAWriter", 2,
     [] {
       static RwMutex lock;
       lock.lock_shared();
       go([] { lock.lock(); });
       while (lock.try_lock_shared()) {  // until the writer waits
         lock.unlock_shared();
         yield();
       }
       lock.lock_shared();
     }},
    {"OnceFromItself", 1,
     [] {
       static Once once;
       once.call([] { once.call([] {}); });
     }},
    {"WaitGroupByOneWhoIsCounted", 1,
     [] {
       static WaitGroup group;
       group.go([] { group.wait(); });
     }},
    {"SemaphoreForMoreThanThereIs", 1,
     [] {
       static Semaphore tokens(1);
       tokens.acquire(2);
     }},
    {"RangeOverANilChannel", 1,
     [] {
       for ([[maybe_unused]] const int item : Channel<int>()) FAIL();
     }},
    {"RangeOverANilReceiveChannel", 1,
     [] {
       for ([[maybe_unused]] const int item : ReceiveChannel<int>()) FAIL();
     }},
    {"SendOnANilSendChannel", 1, [] { SendChannel<int>().send(1); }},
    {"SafeReceiverOfNilChannels", 1,
     [] { SafeReceiver<int>(ReceiveChannel<int>(), ReceiveChannel<Unit>()).receive(); }},
    {"SelectorWithoutCases", 1, [] { Selector().select(); }},
    {"SelectWithoutCases", 1, [] { select(); }},
#if !defined(__SANITIZE_ADDRESS__)  // what these tasks hold for ever is a leak to it
    {"ErrorGroupByItsTask", 1,
     [] {
       static ErrorGroup& group = *new ErrorGroup;
       group.go([] { group.wait(); });
     }},
    {"ErrorGroupWithALimitOfZero", 1,
     [] {
       static ErrorGroup& group = *new ErrorGroup;
       group.set_limit(0);
       group.go([] {});
     }},
    {"WorkerPoolByItsJob", 1,
     [] {
       static WorkerPool& pool = *new WorkerPool(1);
       pool.submit([] { pool.wait(); });
     }},
    {"WorkerPoolEndedByItsJob", 1,
     [] {
       static WorkerPool* const pool = new WorkerPool(1);
       pool->submit([] { delete pool; });
     }},
#endif
};
class WaitsForEver : public testing::TestWithParam<Wait> {};
INSTANTIATE_TEST_SUITE_P(Calls, WaitsForEver, testing::ValuesIn(kWaits),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// And nobody else does: whoever runs beside goes on.
TEST_P(WaitsForEver, AndHoldsUpNobodyElse) {
  go(GetParam().call);
  until_parked(GetParam().parked);
  EXPECT_EQ(run([] { return 5; }), 5);
  EXPECT_EQ(test::parked_actors(), GetParam().parked);
}

// ---- destroyed while somebody waits ------------------------------------------------------------------------------

// Who waits waits for ever, and looks at what has gone no more.
TEST(Destroyed, LeavesItsWaitersWaiting) {
  auto lock = std::make_unique<Mutex>();
  auto shared = std::make_unique<RwMutex>();
  auto group = std::make_unique<WaitGroup>();
  auto changed = std::make_unique<Cond>();
  auto tokens = std::make_unique<Semaphore>(0);
  lock->lock();
  shared->lock();
  group->add(1);
  static Mutex beside;
  go([&] { lock->lock(); });
  go([&] { shared->lock(); });
  go([&] { shared->lock_shared(); });
  go([&] { group->wait(); });
  go([&] { tokens->acquire(); });
  go([&] {
    beside.lock();
    changed->wait(beside);
  });
  until_parked(6);
  lock.reset();
  shared.reset();
  group.reset();
  changed.reset();
  tokens.reset();
  EXPECT_EQ(run([] { return 5; }), 5);
  EXPECT_EQ(test::parked_actors(), 6U);
}

// ---- times and contexts ------------------------------------------------------------------------------------------

TEST(Durations, BeyondAnyClockAreForEver) {
  static constexpr auto kLongest = std::chrono::hours::max();
  const Timer timer(kLongest);
  const auto [ctx, cancel] = with_timeout(background(), kLongest);
  const Channel<int> items(0);
  go([] { sleep_for(kLongest); });
  go([] { sleep_until(std::chrono::steady_clock::time_point::max()); });
  go([items] { EXPECT_EQ(select(on_receive(items), on_timeout(kLongest)), 0U); });
  until_parked(3);
  items.send(1);
  until_parked(2);
  EXPECT_FALSE(ctx.err());
  cancel();
  EXPECT_TRUE(timer.stop());
}

TEST(Durations, BeforeAnyClockAreOver) {
  constexpr auto kShortest = std::chrono::hours::min();
  constexpr std::chrono::duration<double> kNone{std::numeric_limits<double>::quiet_NaN()};
  sleep_for(kShortest);
  sleep_for(kNone);
  sleep_until(std::chrono::steady_clock::time_point::min());
  EXPECT_EQ(select(on_receive(Channel<int>(0)), on_timeout(kShortest)), 1U);
  EXPECT_TRUE(Timer(kShortest).channel().receive());
  EXPECT_EQ(with_timeout(background(), kNone).ctx.err(), ContextError::DeadlineExceeded);
}

TEST(GoWithContext, StartsThoughTheContextIsDone) {
  const auto [ctx, cancel] = with_cancel(background());
  cancel();
  const Channel<bool> seen(0);
  go(ctx, [=](const Context& mine) { seen.send(mine.err() == ContextError::Canceled); });
  EXPECT_TRUE(seen.receive_or_zero());
}

// ---- counts ------------------------------------------------------------------------------------------------------

TEST(WaitGroup, ACounterThatWouldOverflowPanicsAndChangesNothing) {
  WaitGroup group;
  group.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(panic_of([&] { group.add(1); }), "negative WaitGroup counter");
  group.add(-std::numeric_limits<std::int64_t>::max());
  group.wait();
}

TEST(MaxProcs, NeverExceeds256) {
  set_max_procs(1'000'000);
  EXPECT_EQ(set_max_procs(0), 256);
}

TEST(ErrorGroup, EachWaitThrowsTheFirstFailure) {
  ErrorGroup group;
  group.go([] { throw 7; });
  EXPECT_THROW(group.wait(), int);
  EXPECT_THROW(group.wait(), int);
  EXPECT_NE(group.wait_for_error(), nullptr);
}

TEST(WorkerPool, ANegativeExpiryIsNone) {
  WorkerPool pool({.workers = 1, .idle_expiry = -1h});
  pool.submit([] {});
  pool.wait();
  test::settle();
  EXPECT_EQ(pool.worker_count(), 1U);
}

TEST(WorkerPool, SubmitToAClosedOnePanics) {
  constexpr const char* kRefused = "submit to a closed WorkerPool";
  WorkerPool pool(1);
  pool.close();
  pool.close();
  EXPECT_EQ(panic_of([&] { pool.submit([] {}); }), kRefused);
  EXPECT_EQ(panic_of([&] { static_cast<void>(pool.try_submit([] {})); }), kRefused);
  EXPECT_EQ(panic_of([&] { static_cast<void>(pool.submit(background(), [] {})); }), kRefused);
  const auto [ctx, cancel] = with_cancel(background());
  cancel();
  EXPECT_EQ(pool.submit(ctx, [] {}), ContextError::Canceled);
}

// ---- no memory ---------------------------------------------------------------------------------------------------

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // they need all the addresses there are
bool limit_addresses(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  return setrlimit(RLIMIT_AS, &limit) == 0;
}

// Those that run already go on, and end.
TEST(Task, WithoutAStackThrowsBadAlloc) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        static const Channel<Unit> gate(0);
        static WaitGroup all;
        set_max_procs(1);  // a second worker's thread would need memory, too
        run([] {});
        if (!limit_addresses(rlim_t{1} << 30)) _exit(1);
        bool refused = false;
        for (int i = 0; i < 100'000 && !refused; ++i) {
          try {
            all.go([] { gate.receive(); });
          } catch (const std::bad_alloc&) {
            refused = true;
          }
        }
        gate.close();
        all.wait();
        _exit(refused ? 7 : 2);
      },
      testing::ExitedWithCode(7), "");
}

// From now on a thread needs a gigabyte of addresses, and there is a quarter of one left.
void allow_no_more_threads() {
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) != 0) _exit(1);
  if (pthread_attr_setstacksize(&attributes, std::size_t{1} << 30) != 0) _exit(1);
  if (pthread_setattr_default_np(&attributes) != 0) _exit(1);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit limit{rlim_t{pages} * 4096 + (rlim_t{1} << 28), RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
}
void allow_threads_again() {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
}

// Those that are there do the work, and when there are threads to be had again there are more.
TEST(Workers, WithoutThreadsForMoreThereAreFewer) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        set_max_procs(1);
        run([] {});
        allow_no_more_threads();
        set_max_procs(4);
        int sum = 0;
        for (int round = 0; round < 100; ++round) {
          const Channel<int> items(1);
          for (int i = 0; i < 8; ++i) go([items] { items.send(1); });
          for (int i = 0; i < 8; ++i) sum += items.receive_or_zero();
        }
        std::string refused;
        run([&] {
          try {
            blocking([] {});
          } catch (const std::system_error& error) {
            refused = error.what();
          }
        });
        allow_threads_again();
        std::atomic<bool> there_are_two{false};
        WaitGroup all;
        all.go([&] {
          while (!there_are_two.load()) {  // computes, and uses no primitive
          }
        });
        all.go([&] { there_are_two.store(true); });
        while (!there_are_two.load()) {
          all.go([] {});
          sleep_for(1ms);
        }
        all.wait();
        _exit(sum == 800 && refused.find("no thread for a blocking call") != std::string::npos ? 7 : 2);
      },
      testing::ExitedWithCode(7), "");
}

TEST(Workers, WithoutAFirstOneTheProgramEndsWithALine) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        allow_no_more_threads();
        go([] {});
        _exit(1);
      },
      testing::KilledBySignal(SIGABRT), "vigil: cannot start a first worker thread: nothing can run tasks");
}
#endif

}  // namespace
}  // namespace vigil
