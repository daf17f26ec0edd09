// Semaphore: each fact of the documentation of golang.org/x/sync/semaphore.
#include "vigil/semaphore.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <type_traits>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/context.hpp"
#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::await_parked;
using test::settle;

static_assert(!std::is_copy_constructible_v<Semaphore> && !std::is_copy_assignable_v<Semaphore>);

// "TryAcquire acquires the semaphore with a weight of n without blocking. On success, returns true. On failure, returns
// false and leaves the semaphore unchanged."
TEST(Semaphore, TryAcquireTakesWhatThereIs) {
  Semaphore semaphore(3);
  EXPECT_TRUE(semaphore.try_acquire(2));
  EXPECT_FALSE(semaphore.try_acquire(2));
  EXPECT_TRUE(semaphore.try_acquire(1));
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_TRUE(semaphore.try_acquire(0));
  semaphore.release(3);
  EXPECT_TRUE(semaphore.try_acquire(3));
}

// "Acquire acquires the semaphore with a weight of n, blocking until resources are available".
TEST(Semaphore, AcquireWaitsForARelease) {
  Semaphore semaphore(1);
  semaphore.acquire();
  int data = 0;
  WaitGroup all;
  all.go([&] {
    semaphore.acquire();
    EXPECT_EQ(data, 7);
    semaphore.release();
  });
  std::thread plain([&] {
    semaphore.acquire();
    EXPECT_EQ(data, 7);
    semaphore.release();
  });
  await_parked(VIGIL_WAIT_SEMAPHORE, 2);
  data = 7;
  semaphore.release();
  all.wait();
  plain.join();
}

TEST(Semaphore, OneThatWantsManyIsNotOvertaken) {
  Semaphore semaphore(3);
  std::vector<int> order;
  semaphore.acquire(3);
  WaitGroup all;
  all.go([&] {
    semaphore.acquire(3);
    order.push_back(3);
    semaphore.release(3);
  });
  await_parked(VIGIL_WAIT_SEMAPHORE, 1);
  all.go([&] {
    semaphore.acquire(1);
    order.push_back(1);
    semaphore.release(1);
  });
  await_parked(VIGIL_WAIT_SEMAPHORE, 2);
  semaphore.release(1);
  settle();
  EXPECT_FALSE(semaphore.try_acquire());  // one is free, and it is not for newcomers
  EXPECT_EQ(test::parked(VIGIL_WAIT_SEMAPHORE), 2U);
  semaphore.release(2);
  all.wait();
  EXPECT_EQ(order, (std::vector<int>{3, 1}));
}

// "...or ctx is done. On success, returns nil. On failure, returns ctx.Err() and leaves the semaphore unchanged."
TEST(Semaphore, AcquireGivesUpWhenTheContextIsDone) {
  Semaphore semaphore(1);
  semaphore.acquire();
  const auto [ctx, cancel] = with_cancel(background());
  std::error_code task_error;
  std::error_code thread_error;
  WaitGroup all;
  all.go([&, ctx = ctx] { task_error = semaphore.acquire(ctx); });
  std::thread plain([&, ctx = ctx] { thread_error = semaphore.acquire(ctx); });
  await_parked(VIGIL_WAIT_SEMAPHORE, 2);
  cancel();
  all.wait();
  plain.join();
  EXPECT_EQ(task_error, ContextError::Canceled);
  EXPECT_EQ(thread_error, ContextError::Canceled);
  semaphore.release();
  EXPECT_TRUE(semaphore.try_acquire());
}

TEST(Semaphore, ADoneContextGetsNothingThoughThereIsSome) {
  Semaphore semaphore(1);
  const auto [ctx, cancel] = with_cancel(background());
  cancel();
  EXPECT_EQ(semaphore.acquire(ctx), ContextError::Canceled);
  EXPECT_TRUE(semaphore.try_acquire());
}

TEST(Semaphore, OneThatGivesUpLetsThoseBehindItGo) {
  Semaphore semaphore(2);
  semaphore.acquire(1);
  const auto [ctx, cancel] = with_cancel(background());
  WaitGroup all;
  all.go([&, ctx = ctx] { EXPECT_TRUE(semaphore.acquire(ctx, 2)); });
  await_parked(VIGIL_WAIT_SEMAPHORE, 1);
  all.go([&] { semaphore.acquire(1); });
  await_parked(VIGIL_WAIT_SEMAPHORE, 2);
  cancel();
  all.wait();
}

// Acquire of more than there is: waits for ctx and does not "make other Acquire calls block on one that's doomed to
// fail".
TEST(Semaphore, WantingMoreThanThereIsHoldsUpNobody) {
  Semaphore semaphore(2);
  const auto [ctx, cancel] = with_cancel(background());
  std::error_code error;
  WaitGroup all;
  all.go([&, ctx = ctx] { error = semaphore.acquire(ctx, 3); });
  await_parked(VIGIL_WAIT_SEMAPHORE);
  EXPECT_TRUE(semaphore.try_acquire(2));
  semaphore.release(2);
  cancel();
  all.wait();
  EXPECT_EQ(error, ContextError::Canceled);
}

TEST(Semaphore, ABackgroundContextIsNoneAtAll) {
  Semaphore semaphore(1);
  EXPECT_FALSE(semaphore.acquire(background()));
  WaitGroup all;
  all.go([&] { EXPECT_FALSE(semaphore.acquire(background())); });
  await_parked(VIGIL_WAIT_SEMAPHORE);
  semaphore.release();
  all.wait();
}

TEST(Semaphore, ReleasingMoreThanHeldPanics) {
  Semaphore semaphore(2);
  semaphore.acquire(1);
  EXPECT_EQ(test::panic_of([&] { semaphore.release(2); }), "semaphore: released more than held");
  semaphore.release(1);
  EXPECT_EQ(test::panic_of([&] { semaphore.release(); }), "semaphore: released more than held");
}

TEST(Semaphore, ANegativeCountPanics) {
  Semaphore semaphore(2);
  EXPECT_EQ(test::panic_of([&] { semaphore.acquire(-1); }), "semaphore: negative count");
  EXPECT_EQ(test::panic_of([&] { semaphore.release(-1); }), "semaphore: negative count");
  EXPECT_EQ(test::panic_of([] { const Semaphore negative(-1); }), "semaphore: negative count");
}

TEST(Semaphore, NeverGivesOutMoreThanItHasUnderLoad) {
  constexpr std::int64_t kSize = 5;
  Semaphore semaphore(kSize);
  std::atomic<std::int64_t> out{0};
  const auto work = [&](int seed) {
    for (int i = 0; i < 1500; ++i) {
      const std::int64_t wanted = 1 + (i + seed) % kSize;
      if (i % 3 == 0) {
        const auto [ctx, cancel] = with_timeout(background(), std::chrono::microseconds(i % 50));
        if (semaphore.acquire(ctx, wanted)) continue;
        EXPECT_LE(out += wanted, kSize);
        if (i % 2 == 0) yield();
        out -= wanted;
        semaphore.release(wanted);
        continue;
      }
      semaphore.acquire(wanted);
      EXPECT_LE(out += wanted, kSize);
      out -= wanted;
      semaphore.release(wanted);
    }
  };
  WaitGroup all;
  for (int i = 0; i < 5; ++i) all.go(work, i);
  std::thread plain(work, 7);
  plain.join();
  all.wait();
  EXPECT_TRUE(semaphore.try_acquire(kSize));
}

}  // namespace
}  // namespace vigil
