// WorkerPool: bounded workers, bounded queue, failures, idle expiry, closing.
#include "vigil/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/channel.hpp"
#include "vigil/mutex.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::await_parked;
using test::settle;

static_assert(!std::is_copy_constructible_v<WorkerPool> && !std::is_move_constructible_v<WorkerPool>);

TEST(WorkerPool, DoesEveryJobBeforeWaitReturns) {
  WorkerPool pool({.workers = 3, .queue = 4});
  std::atomic<int> sum{0};
  for (int i = 1; i <= 1000; ++i) pool.submit([&, i] { sum += i; });
  pool.wait();
  EXPECT_EQ(sum, 500'500);
}

TEST(WorkerPool, MadeOfANumberHasSoManyWorkers) {
  WorkerPool pool(2);
  Channel<Unit> go_on(0);
  for (int i = 0; i < 2; ++i) pool.submit([&] { go_on.receive(); });
  await_parked(VIGIL_WAIT_RECEIVE, 2);
  EXPECT_FALSE(pool.try_submit([] {}));
  go_on.close();
  EXPECT_THROW(WorkerPool(-1), Panic);
}

TEST(WorkerPool, StartsWorkersAsNeededAndNotMore) {
  WorkerPool pool({.workers = 2, .queue = 8});
  EXPECT_EQ(pool.worker_count(), 0U);
  Channel<Unit> go_on(0);
  for (int i = 0; i < 6; ++i) pool.submit([&] { go_on.receive(); });
  await_parked(VIGIL_WAIT_RECEIVE, 2);
  settle();
  EXPECT_EQ(pool.worker_count(), 2U);
  EXPECT_EQ(test::parked(VIGIL_WAIT_RECEIVE), 2U);
  go_on.close();
  pool.wait();
}

// Each of two jobs waits for the other: no job waits in the queue while another worker may be started.
TEST(WorkerPool, AJobDoesNotWaitWhileAnotherWorkerMayBeStarted) {
  for (int round = 0; round < 300; ++round) {
    WorkerPool pool({.workers = 2, .queue = 8});
    Channel<int> meet(0);
    if (round % 2 == 0) {
      pool.submit([] {});
      pool.submit([] {});
    }
    pool.submit([&] { meet.send(1); });
    pool.submit([&] { meet.receive(); });
    pool.wait();
  }
}

TEST(WorkerPool, SubmitWaitsWhileTheQueueIsFull) {
  WorkerPool pool({.workers = 1, .queue = 1});
  Channel<Unit> go_on(0);
  pool.submit([&] { go_on.receive(); });
  pool.submit([] {});
  EXPECT_FALSE(pool.try_submit([] {}));
  std::atomic<bool> through{false};
  go([&] {
    pool.submit([] {});
    through = true;
  });
  await_parked(VIGIL_WAIT_SEND);
  EXPECT_FALSE(through);
  const auto [ctx, cancel] = with_timeout(background(), 1ms);
  EXPECT_EQ(pool.submit(ctx, [] { FAIL(); }), ContextError::DeadlineExceeded);
  go_on.close();
  pool.wait();
  settle();
  EXPECT_TRUE(through);
  EXPECT_TRUE(pool.try_submit([] {}));
}

TEST(WorkerPool, DoesJobsInOrder) {
  WorkerPool pool({.workers = 1});
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) pool.submit([&, i] { order.push_back(i); });
  pool.wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(WorkerPool, TellsOfAFailureAndGoesOn) {
  std::vector<std::string> failures;
  Mutex lock;
  WorkerPool pool({.workers = 2, .on_failure = [&](const std::exception_ptr& failure) {
                     try {
                       std::rethrow_exception(failure);
                     } catch (const std::exception& exception) {
                       const std::scoped_lock held(lock);
                       failures.emplace_back(exception.what());
                     }
                   }});
  std::atomic<int> well{0};
  for (int i = 0; i < 10; ++i) {
    pool.submit([&, i] {
      if (i == 3) throw std::runtime_error("third");
      ++well;
    });
  }
  pool.wait();
  EXPECT_EQ(failures, (std::vector<std::string>{"third"}));
  EXPECT_EQ(well, 9);
}

TEST(WorkerPoolDeathTest, AFailureWithoutAHandlerEndsTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        WorkerPool pool({.workers = 1});
        pool.submit([] { throw std::runtime_error("nobody listens"); });
        pool.wait();
      },
      "nobody listens");
}

TEST(WorkerPool, ClosesAfterTheLastJob) {
  std::atomic<int> ran{0};
  {
    WorkerPool pool({.workers = 2, .queue = 100});
    for (int i = 0; i < 50; ++i) {
      pool.submit([&] {
        yield();
        ++ran;
      });
    }
    pool.close();
    pool.close();
    EXPECT_EQ(test::panic_of([&] { pool.submit([] {}); }), "submit to a closed WorkerPool");
    EXPECT_EQ(test::panic_of([&] { static_cast<void>(pool.try_submit([] {})); }), "submit to a closed WorkerPool");
  }
  EXPECT_EQ(ran, 50);
}

TEST(WorkerPool, ASubmitThatWaitsWhenItIsClosedIsDone) {
  std::atomic<int> ran{0};
  WaitGroup submitters;
  {
    WorkerPool pool({.workers = 1});
    Channel<Unit> go_on(0);
    pool.submit([&] { go_on.receive(); });
    const auto [ctx, cancel] = with_cancel(background());
    submitters.go([&] { pool.submit([&] { ++ran; }); });
    submitters.go([&, ctx = ctx] { EXPECT_TRUE(pool.submit(ctx, [&] { ++ran; })); });
    await_parked(VIGIL_WAIT_SEND);
    await_parked(VIGIL_WAIT_SELECT);
    pool.close();
    cancel();
    go_on.close();
    submitters.wait();
  }
  EXPECT_EQ(ran, 1);
}

TEST(WorkerPool, WhatAJobHoldsGoesBeforeWaitReturns) {
  WorkerPool pool({.workers = 1});
  auto shared = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = shared;
  pool.submit([shared = std::move(shared)] {});
  pool.wait();
  EXPECT_TRUE(alive.expired());
}

TEST(WorkerPool, KeepsCountUnderLoad) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ran{0};
    int submitted = 0;
    {
      WorkerPool pool({.workers = 3, .queue = static_cast<std::size_t>(round % 3), .idle_expiry = 20us});
      std::atomic<int> given{0};
      const auto submit = [&](int seed) {
        for (int i = 0; i < 100; ++i) {
          const auto job = [&] { ++ran; };
          if ((i + seed) % 3 == 0) {
            const auto [ctx, cancel] = with_timeout(background(), std::chrono::microseconds(i % 30));
            if (!pool.submit(ctx, job)) ++given;
          } else if ((i + seed) % 3 == 1) {
            if (pool.try_submit(job)) ++given;
          } else {
            pool.submit(job);
            ++given;
          }
          if (i % 10 == 0) pool.wait();
        }
      };
      WaitGroup all;
      all.go(submit, 0);
      all.go(submit, 1);
      std::thread plain(submit, 2);
      plain.join();
      all.wait();
      submitted = given;
    }
    EXPECT_EQ(ran, submitted);
  }
}

}  // namespace
}  // namespace vigil
