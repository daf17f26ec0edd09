// Facts of the Go memory model and of the documentation of sync, context and time that the tests of the single
// primitives do not show: what one operation makes visible to another, with plain variables that only these edges order
// (the thread sanitizer runs these tests too), under 1, 2, 4 and 16 workers; and what must not compile.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;

// ---- what Go forbids to copy (its vet tool's copylocks) does not compile when copied, nor when moved
// -----------------

template <class T>
constexpr bool kStaysWhereItIs = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                                 !std::is_move_constructible_v<T> && !std::is_move_assignable_v<T>;
static_assert(kStaysWhereItIs<Mutex>);
static_assert(kStaysWhereItIs<RwMutex>);
static_assert(kStaysWhereItIs<WaitGroup>);
static_assert(kStaysWhereItIs<Once>);
static_assert(kStaysWhereItIs<Cond>);
static_assert(kStaysWhereItIs<Semaphore>);
static_assert(kStaysWhereItIs<ErrorGroup>);
static_assert(kStaysWhereItIs<WorkerPool>);
static_assert(kStaysWhereItIs<Traced<int>>);

// Handles are values, as in Go.
template <class T>
constexpr bool kIsAHandle = std::is_nothrow_copy_constructible_v<T>&& std::is_copy_assignable_v<T>;
static_assert(kIsAHandle<Channel<int>> && kIsAHandle<SendChannel<int>> && kIsAHandle<ReceiveChannel<int>>);
static_assert(kIsAHandle<Context> && kIsAHandle<CancelFunction>);
static_assert(std::is_copy_constructible_v<Timer> && std::is_copy_constructible_v<Ticker>);

// "chan<- int" can only be sent on, "<-chan int" only received from; neither turns back into the other.
static_assert(std::is_convertible_v<Channel<int>, SendChannel<int>>);
static_assert(std::is_convertible_v<Channel<int>, ReceiveChannel<int>>);
static_assert(!std::is_convertible_v<SendChannel<int>, ReceiveChannel<int>>);
static_assert(!std::is_convertible_v<ReceiveChannel<int>, SendChannel<int>>);
static_assert(!std::is_convertible_v<SendChannel<int>, Channel<int>>);
template <class C>
concept CanSend = requires(const C& channel) {
  channel.send(1);
};
template <class C>
concept CanReceive = requires(const C& channel) {
  channel.receive();
};
template <class C>
concept CanClose = requires(const C& channel) {
  channel.close();
};
static_assert(CanSend<SendChannel<int>> && !CanReceive<SendChannel<int>> && CanClose<SendChannel<int>>);
static_assert(CanReceive<ReceiveChannel<int>> && !CanSend<ReceiveChannel<int>> && !CanClose<ReceiveChannel<int>>);

// ---- the memory model ----------------------------------------------------------------------------------------------

class With : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_max_procs(GetParam()); }
  static constexpr int kRounds = 300;
};
INSTANTIATE_TEST_SUITE_P(Workers, With, testing::Values(1, 2, 4, 16));

// Goroutine creation: what precedes the go statement happens before the new task's execution.
TEST_P(With, WhatPrecedesGoIsSeenByTheTask) {
  for (int round = 0; round < kRounds; ++round) {
    int plain = 0;
    WaitGroup ended;
    ended.add(1);
    plain = round;
    go([&] {
      EXPECT_EQ(plain, round);
      ended.done();
    });
    ended.wait();
  }
}

// Channel communication: a send happens before the completion of the receive that gets its item.
TEST_P(With, WhatPrecedesASendIsSeenAfterItsReceive) {
  for (int round = 0; round < kRounds; ++round) {
    for (const std::size_t capacity : {0U, 1U}) {
      auto plain = std::make_shared<int>(0);
      const Channel<Unit> said(capacity);
      go([=] {
        *plain = round;
        said.send({});
      });
      said.receive();
      EXPECT_EQ(*plain, round);
    }
  }
}

// Channel communication: a close happens before a receive that returns because of it.
TEST_P(With, WhatPrecedesACloseIsSeenAfterTheReceiveItEnds) {
  for (int round = 0; round < kRounds; ++round) {
    auto plain = std::make_shared<int>(0);
    const Channel<Unit> closed(3);
    go([=] {
      *plain = round;
      closed.close();
    });
    EXPECT_FALSE(closed.receive().has_value());
    EXPECT_EQ(*plain, round);
  }
}

// Channel communication: without a buffer a receive happens before the send it meets completes.
TEST_P(With, WhatPrecedesAReceiveIsSeenAfterAnUnbufferedSend) {
  for (int round = 0; round < kRounds; ++round) {
    auto plain = std::make_shared<int>(0);
    const Channel<Unit> met(0);
    go([=] {
      *plain = round;
      met.receive();
    });
    met.send({});
    EXPECT_EQ(*plain, round);
  }
}

// Channel communication: with capacity C the k-th receive happens before the (k + C)-th send completes. So a buffered
// channel limits how many tasks are at work, and what one did before it left is seen by who takes its place.
TEST_P(With, ABufferedChannelLimitsHowManyWork) {
  constexpr int kLimit = 3;
  const Channel<Unit> limit(kLimit);
  std::atomic<int> working{0};
  std::atomic<int> most{0};
  WaitGroup all;
  for (int i = 0; i < 50; ++i) {
    all.go([&] {
      limit.send({});
      const int now = ++working;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      yield();
      --working;
      limit.receive();
    });
  }
  all.wait();
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(limit.size(), 0U);
}

TEST_P(With, ABufferOfOneIsALock) {
  const Channel<Unit> lock(1);
  int plain = 0;
  WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&] {
      for (int round = 0; round < kRounds; ++round) {
        lock.send({});
        ++plain;
        lock.receive();
      }
    });
  }
  all.wait();
  EXPECT_EQ(plain, 4 * kRounds);
}

// Locks: the n-th unlock happens before the return of the m-th lock, n < m; also through try_lock() that succeeds, and
// through both sides of an RwMutex.
TEST_P(With, WhatPrecedesAnUnlockIsSeenAfterTheNextLock) {
  Mutex mutex;
  RwMutex rw;
  int plain = 0;
  int shared = 0;
  WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        if (i == 0)
          while (!mutex.try_lock()) yield();
        else
          mutex.lock();
        ++plain;
        mutex.unlock();
        if (i % 2 == 0) {
          const std::scoped_lock held(rw);
          ++shared;
        } else {
          const std::shared_lock held(rw);
          EXPECT_LE(shared, 2 * kRounds);
        }
      }
    });
  }
  all.wait();
  EXPECT_EQ(plain, 4 * kRounds);
  EXPECT_EQ(shared, 2 * kRounds);
}

// Once: the end of the one call happens before the return of any.
TEST_P(With, WhatOnceDidIsSeenByEveryCaller) {
  for (int round = 0; round < kRounds / 10; ++round) {
    Once once;
    int plain = 0;
    WaitGroup all;
    for (int i = 0; i < 4; ++i) {
      all.go([&] {
        once.call([&] { plain = 7; });
        EXPECT_EQ(plain, 7);
      });
    }
    all.wait();
  }
}

// WaitGroup: a done() happens before the return of the wait() that it ends. Cond: a notify happens before the return of
// the wait that it ends.
TEST_P(With, WhatPrecedesDoneAndNotifyIsSeenAfterWait) {
  for (int round = 0; round < kRounds; ++round) {
    std::array<int, 4> plain{};
    WaitGroup all;
    for (int& one : plain) all.go([&one, round] { one = round; });
    all.wait();
    EXPECT_EQ(std::count(plain.begin(), plain.end(), round), 4);

    Mutex lock;
    Cond changed;
    bool ready = false;
    all.go([&] {
      const std::scoped_lock held(lock);
      ready = true;
      changed.notify_one();
    });
    {
      const std::scoped_lock held(lock);
      changed.wait(lock, [&] { return ready; });
    }
    all.wait();
  }
}

// Setting a timer happens before what it calls; a cancel happens before what follows a receive from done().
TEST_P(With, WhatPrecedesATimerOrACancelIsSeenAfterIt) {
  for (int round = 0; round < kRounds / 10; ++round) {
    auto plain = std::make_shared<int>(round);
    const Channel<int> seen(0);
    after_func(0s, [=] { seen.send(*plain); });
    EXPECT_EQ(seen.receive(), round);

    const auto [ctx, cancel] = with_cancel(background());
    go([plain, round, cancel = cancel] {
      *plain = -round;
      cancel();
    });
    ctx.done().receive();
    EXPECT_EQ(*plain, -round);
  }
}

// ---- context and time ----------------------------------------------------------------------------------------------

// context: successive calls of Done give the same channel; Err is nil until it is closed and the same ever after.
TEST(ContextFacts, DoneAndErrDoNotChangeTheirMind) {
  const auto [ctx, cancel] = with_cancel(background());
  EXPECT_EQ(ctx.done(), ctx.done());
  EXPECT_FALSE(ctx.err());
  cancel();
  const std::error_code first = ctx.err();
  EXPECT_EQ(first, ContextError::Canceled);
  cancel();
  EXPECT_EQ(ctx.err(), first);
  EXPECT_EQ(first.message(), "context canceled");
  EXPECT_EQ(make_error_code(ContextError::DeadlineExceeded).message(), "context deadline exceeded");
}

// time: Stop of a timer or ticker does not close its channel, so that nobody takes the stop for a tick.
TEST(TimeFacts, StopClosesNoChannel) {
  const Timer timer(24h);
  const Ticker ticker(24h);
  timer.stop();
  ticker.stop();
  EXPECT_EQ(select(on_receive(timer.channel()), on_receive(ticker.channel()), otherwise()), 2U);
}

}  // namespace
}  // namespace vigil
