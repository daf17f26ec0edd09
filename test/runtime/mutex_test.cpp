// Mutex, as the documentation of Go's sync.Mutex says.
#include <mutex>
#include <type_traits>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

static_assert(!std::is_copy_constructible_v<Mutex> && !std::is_copy_assignable_v<Mutex> &&
              !std::is_move_constructible_v<Mutex>);

class MutexOn : public OnEither {};
INSTANTIATE_TEST_SUITE_P(Waiter, MutexOn, kEither, named);

TEST(Mutex, TryLockFailsWhileLocked) {
  Mutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(Mutex, UnlockOfUnlockedPanics) {
  Mutex mutex;
  EXPECT_EQ(panic_of([&] { mutex.unlock(); }), "unlock of unlocked mutex");
}

TEST_P(MutexOn, LockWaitsForUnlock) {
  Mutex mutex;
  mutex.lock();
  bool entered = false;
  Crew crew;
  crew.start(GetParam(), [&] {
    const std::scoped_lock held(mutex);
    entered = true;
  });
  until_parked(1);
  EXPECT_FALSE(entered);
  mutex.unlock();
  crew.join();
  EXPECT_TRUE(entered);
}

TEST(Mutex, HasNoOwner) {
  Mutex mutex;
  mutex.lock();
  Crew crew;
  crew.start(On::Task, [&] { mutex.unlock(); });
  crew.join();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(Mutex, EveryWaiterGetsItsTurn) {
  constexpr std::size_t kWaiters = 20;
  Mutex mutex;
  mutex.lock();
  int turns = 0;
  Crew crew;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    crew.start(i % 2 == 0 ? On::Task : On::Thread, [&] {
      const std::scoped_lock held(mutex);
      ++turns;
    });
  }
  until_parked(kWaiters);
  mutex.unlock();
  crew.join();
  EXPECT_EQ(turns, static_cast<int>(kWaiters));
}

TEST(Mutex, ExcludesEverybodyElse) {
  constexpr int kActors = 6;
  constexpr int kRounds = 5000;
  Mutex mutex;
  long plain = 0;  // under the thread sanitizer this also shows the ordering
  Crew crew;
  for (int a = 0; a < kActors; ++a) {
    crew.start(a % 2 == 0 ? On::Task : On::Thread, [&] {
      for (int i = 0; i < kRounds; ++i) {
        const std::scoped_lock held(mutex);
        ++plain;
      }
    });
  }
  crew.join();
  EXPECT_EQ(plain, static_cast<long>(kActors) * kRounds);
}

TEST(Mutex, WorksWithScopedLockOfSeveral) {
  Mutex a;
  Mutex b;
  int both = 0;
  Crew crew;
  for (int t = 0; t < 4; ++t) {
    crew.start(On::Task, [&, t] {
      for (int i = 0; i < 500; ++i) {
        if (t % 2 == 0) {
          const std::scoped_lock held(a, b);
          ++both;
        } else {
          const std::scoped_lock held(b, a);
          ++both;
        }
      }
    });
  }
  crew.join();
  EXPECT_EQ(both, 2000);
}

// One actor that takes the lock again at once must not keep a waiter out for ever.
TEST_P(MutexOn, AWaiterIsNotStarvedByAGreedyTask) {
  Mutex mutex;
  std::atomic<bool> served = false;
  Crew crew;
  crew.start(On::Thread, [&] {
    while (!served) {
      mutex.lock();
      mutex.unlock();
    }
  });
  crew.start(GetParam(), [&] {
    for (int i = 0; i < 20; ++i) {
      mutex.lock();
      mutex.unlock();
    }
    served = true;
  });
  crew.join();
  EXPECT_TRUE(served);
}

}  // namespace
}  // namespace vigil::test
