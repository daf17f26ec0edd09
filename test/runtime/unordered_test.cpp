// What the Go memory model does not promise: one test for each order that is easily believed to be there. Each has a
// race for that, on `plain`, which vigil's engine must see whatever the schedule was; memory_model_test.py runs them.
#include <atomic>
#include <mutex>
#include <shared_mutex>

#include <gtest/gtest.h>

#include "vigil/vigil.hpp"

namespace vigil {
namespace {

int plain = 0;

// Lets the tasks take their steps in one order without ordering them: the engine is not told of what is relaxed.
class Step {
 public:
  void reach(int step) noexcept { now_.store(step, std::memory_order_relaxed); }
  void await(int step) const noexcept {
    while (now_.load(std::memory_order_relaxed) < step) yield();
  }

 private:
  std::atomic<int> now_{0};
};

// "The exit of a goroutine is not guaranteed to be synchronized before any event in the program."
TEST(Unordered, TheEndOfATaskComesBeforeNothing) {
  go([] { plain = 1; });
  while (task_count() != 0) yield();
  EXPECT_EQ(plain, 1);
}

// A go statement comes before its task, and what follows the statement does not.
TEST(Unordered, WhatFollowsGoIsNotSeenByTheTask) {
  WaitGroup ended;
  ended.go([] { plain = 1; });
  plain = 2;
  ended.wait();
}

// A send comes before its receive, and not the receive before the end of its send, where there is a buffer.
TEST(Unordered, ABufferedReceiveIsNotBeforeItsSend) {
  const Channel<Unit> said(1);
  Step step;
  WaitGroup ended;
  ended.go([&] {
    plain = 1;
    said.receive();
    step.reach(1);
  });
  said.send({});
  step.await(1);
  EXPECT_EQ(plain, 1);
  ended.wait();
}

// What follows a send is not before its receive.
TEST(Unordered, WhatFollowsASendIsNotSeenAfterItsReceive) {
  const Channel<Unit> said(1);
  Step step;
  WaitGroup ended;
  ended.go([&] {
    said.send({});
    plain = 1;
    step.reach(1);
  });
  said.receive();
  step.await(1);
  EXPECT_EQ(plain, 1);
  ended.wait();
}

// Two that send on one channel are not ordered by that.
TEST(Unordered, SendersAreNotOrderedAmongThemselves) {
  const Channel<Unit> said(2);
  Step step;
  WaitGroup ended;
  ended.go([&] {
    plain = 1;
    said.send({});
    step.reach(1);
  });
  ended.go([&] {
    step.await(1);
    said.send({});
    plain = 2;
  });
  ended.wait();
}

// Neither are two that read under one RwMutex.
TEST(Unordered, ReadersAreNotOrderedAmongThemselves) {
  RwMutex lock;
  Step step;
  WaitGroup ended;
  ended.go([&] {
    {
      const std::shared_lock held(lock);
      plain = 1;
    }
    step.reach(1);
  });
  ended.go([&] {
    step.await(1);
    const std::shared_lock held(lock);
    plain = 2;
  });
  ended.wait();
}

// "An unsuccessful call to TryLock has no synchronizing effect at all."
TEST(Unordered, ATryLockThatFailsOrdersNothing) {
  Mutex lock;
  Step step;
  WaitGroup ended;
  ended.go([&] {
    plain = 1;
    const std::scoped_lock held(lock);
    step.reach(1);
    step.await(2);
  });
  step.await(1);
  EXPECT_FALSE(lock.try_lock());
  EXPECT_EQ(plain, 1);
  step.reach(2);
  ended.wait();
}

// A default that was taken is no exchange.
TEST(Unordered, ADefaultOrdersNothing) {
  const Channel<Unit> full(1);
  Step step;
  WaitGroup ended;
  ended.go([&] {
    plain = 1;
    full.send({});
    step.reach(1);
  });
  step.await(1);
  EXPECT_EQ(select(on_send(full, Unit{}), otherwise()), 1U);
  EXPECT_EQ(plain, 1);
  ended.wait();
}

// A done() comes before the wait() that it ends, and not before another done().
TEST(Unordered, DonesAreNotOrderedAmongThemselves) {
  WaitGroup all;
  Step step;
  all.add(2);
  go([&] {
    plain = 1;
    all.done();
    step.reach(1);
  });
  go([&] {
    step.await(1);
    plain = 2;
    all.done();
  });
  all.wait();
}

}  // namespace
}  // namespace vigil
