// Cond: each fact of the documentation of sync.Cond.
#include "vigil/cond.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <shared_mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "test/runtime/world.hpp"
#include "vigil/mutex.hpp"
#include "vigil/panic.hpp"
#include "vigil/rw_mutex.hpp"
#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using test::await_parked;
using test::settle;

static_assert(!std::is_copy_constructible_v<Cond> && !std::is_copy_assignable_v<Cond>);

// "Wait atomically unlocks c.L and suspends execution of the calling goroutine. After later resuming execution, Wait
// locks c.L before returning."
TEST(Cond, WaitUnlocksWhileItWaitsAndLocksAgain) {
  Cond cond;
  Mutex mutex;
  bool held_after = false;
  WaitGroup all;
  all.go([&] {
    mutex.lock();
    cond.wait(mutex);
    held_after = !mutex.try_lock();
    mutex.unlock();
  });
  await_parked(VIGIL_WAIT_COND);
  ASSERT_TRUE(mutex.try_lock());
  mutex.unlock();
  cond.notify_one();
  all.wait();
  EXPECT_TRUE(held_after);
}

// "Signal wakes one goroutine waiting on c, if there is any."
TEST(Cond, NotifyOneEndsTheLongestWait) {
  Cond cond;
  Mutex mutex;
  std::vector<int> order;
  WaitGroup all;
  for (int i = 0; i < 3; ++i) {
    all.go([&, i] {
      std::unique_lock lock(mutex);
      cond.wait(lock);
      order.push_back(i);
    });
    await_parked(VIGIL_WAIT_COND, static_cast<std::size_t>(i) + 1);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    cond.notify_one();
    settle();
    const std::scoped_lock held(mutex);
    EXPECT_EQ(order.size(), i + 1);
  }
  all.wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

// "Broadcast wakes all goroutines waiting on c."
TEST(Cond, NotifyAllEndsEveryWaitOfTasksAndThreads) {
  Cond cond;
  Mutex mutex;
  int woken = 0;
  const auto wait = [&] {
    std::unique_lock lock(mutex);
    cond.wait(lock);
    ++woken;
  };
  WaitGroup all;
  for (int i = 0; i < 3; ++i) all.go(wait);
  std::thread plain(wait);
  await_parked(VIGIL_WAIT_COND, 4);
  cond.notify_all();
  plain.join();
  all.wait();
  EXPECT_EQ(woken, 4);
}

TEST(Cond, ANotifyIsNotRemembered) {
  Cond cond;
  Mutex mutex;
  cond.notify_one();
  cond.notify_all();
  bool woken = false;
  go([&] {
    std::unique_lock lock(mutex);
    cond.wait(lock);
    woken = true;
  });
  await_parked(VIGIL_WAIT_COND);
  settle();
  mutex.lock();
  EXPECT_FALSE(woken);
  mutex.unlock();
  cond.notify_one();
  settle();
  mutex.lock();
  EXPECT_TRUE(woken);
  mutex.unlock();
}

TEST(Cond, WaitsWithThePredicateUntilItHolds) {
  Cond cond;
  Mutex mutex;
  int value = 0;
  WaitGroup all;
  all.go([&] {
    std::unique_lock lock(mutex);
    cond.wait(lock, [&] { return value == 2; });
    EXPECT_EQ(value, 2);
  });
  for (int i = 0; i < 2; ++i) {
    await_parked(VIGIL_WAIT_COND);
    const std::scoped_lock held(mutex);
    ++value;
    cond.notify_one();
  }
  all.wait();
}

TEST(Cond, DoesNotWaitWhenThePredicateHoldsAlready) {
  Cond cond;
  Mutex mutex;
  std::unique_lock lock(mutex);
  cond.wait(lock, [] { return true; });
  EXPECT_TRUE(lock.owns_lock());
}

// The locker may be the read side of a RwMutex (RWMutex.RLocker).
TEST(Cond, WaitsWithTheReadSideOfARwMutex) {
  Cond cond;
  RwMutex mutex;
  WaitGroup all;
  all.go([&] {
    std::shared_lock lock(mutex);
    cond.wait(lock);
    EXPECT_TRUE(mutex.try_lock_shared());
    mutex.unlock_shared();
  });
  await_parked(VIGIL_WAIT_COND);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
  cond.notify_one();
  all.wait();
}

TEST(Cond, WaitWithoutHoldingTheLockThrowsAndDoesNotWait) {
  Cond cond;
  Mutex mutex;
  EXPECT_THROW(cond.wait(mutex), Panic);
  cond.notify_one();  // finds nobody
}

// A notify between the unlock and the park must not be lost: nothing else would ever wake the waiter.
TEST(Cond, LosesNoNotifyUnderLoad) {
  constexpr int kRounds = 5000;
  Cond cond;
  Mutex mutex;
  int turn = 0;
  const auto play = [&](int mine) {
    for (int i = 0; i < kRounds; ++i) {
      std::unique_lock lock(mutex);
      cond.wait(lock, [&] { return turn % 3 == mine; });
      ++turn;
      cond.notify_all();
    }
  };
  WaitGroup all;
  all.go(play, 0);
  all.go(play, 1);
  std::thread plain(play, 2);
  plain.join();
  all.wait();
  EXPECT_EQ(turn, 3 * kRounds);
}

}  // namespace
}  // namespace vigil
