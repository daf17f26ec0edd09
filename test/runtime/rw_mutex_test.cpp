// RwMutex: each fact of the documentation of sync.RWMutex, and of its misuse.
#include "vigil/rw_mutex.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "test/runtime/world.hpp"
#include "vigil/panic.hpp"
#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using test::await_parked;
using test::settle;

static_assert(!std::is_copy_constructible_v<RwMutex> && !std::is_copy_assignable_v<RwMutex>);
static_assert(!std::is_move_constructible_v<RwMutex>);

RwMutex before_main;  // constant-initialised: usable in static initialisers
const bool locked_before_main = [] {
  const std::shared_lock held(before_main);
  return true;
}();

TEST(RwMutex, WorksInStaticInitialisers) { EXPECT_TRUE(locked_before_main); }

TEST(RwMutex, ReadersShareIt) {
  RwMutex mutex;
  mutex.lock_shared();
  EXPECT_TRUE(mutex.try_lock_shared());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
  mutex.unlock_shared();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(RwMutex, AWriterExcludesEverybody) {
  RwMutex mutex;
  const std::scoped_lock held(mutex);
  EXPECT_FALSE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock_shared());
}

// "If any goroutine calls Lock while the lock is already held by one or more readers, concurrent calls to RLock will
// block until the writer has acquired (and released) the lock".
TEST(RwMutex, AWaitingWriterHoldsBackNewReaders) {
  RwMutex mutex;
  std::vector<std::string> order;  // guarded by the tasks' own order
  mutex.lock_shared();
  WaitGroup all;
  all.go([&] {
    mutex.lock();
    order.emplace_back("writer");
    mutex.unlock();
  });
  await_parked(VIGIL_WAIT_RW_WRITE);
  EXPECT_FALSE(mutex.try_lock_shared());
  all.go([&] {
    mutex.lock_shared();
    order.emplace_back("reader");
    mutex.unlock_shared();
  });
  await_parked(VIGIL_WAIT_RW_READ);
  EXPECT_TRUE(order.empty());
  mutex.unlock_shared();
  all.wait();
  EXPECT_EQ(order, (std::vector<std::string>{"writer", "reader"}));
}

TEST(RwMutex, AnUnlockLetsAllWaitingReadersGoBeforeTheNextWriter) {
  RwMutex mutex;
  std::atomic<int> readers_in{0};
  std::optional<int> seen_by_writer;
  mutex.lock();
  WaitGroup all;
  all.go([&] {
    mutex.lock();
    seen_by_writer = readers_in.load();
    mutex.unlock();
  });
  await_parked(VIGIL_WAIT_RW_WRITE);
  for (int i = 0; i < 3; ++i) {
    all.go([&] {
      mutex.lock_shared();
      ++readers_in;
      mutex.unlock_shared();
    });
  }
  await_parked(VIGIL_WAIT_RW_READ, 3);
  mutex.unlock();
  all.wait();
  EXPECT_EQ(seen_by_writer, 3);
}

TEST(RwMutex, WritersGoInOrderOfArrival) {
  RwMutex mutex;
  std::vector<int> order;
  mutex.lock();
  WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&, i] {
      const std::scoped_lock held(mutex);
      order.push_back(i);
    });
    await_parked(VIGIL_WAIT_RW_WRITE, static_cast<std::size_t>(i) + 1);
  }
  mutex.unlock();
  all.wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

TEST(RwMutex, TheLastReaderHandsItToTheWriter) {
  RwMutex mutex;
  mutex.lock_shared();
  mutex.lock_shared();
  bool written = false;
  go([&] {
    const std::scoped_lock held(mutex);
    written = true;
  });
  await_parked(VIGIL_WAIT_RW_WRITE);
  mutex.unlock_shared();
  settle();
  EXPECT_FALSE(written);
  mutex.unlock_shared();
  settle();
  mutex.lock_shared();
  EXPECT_TRUE(written);
  mutex.unlock_shared();
}

// "As with Mutexes, a locked RWMutex is not associated with a particular goroutine."
TEST(RwMutex, OneMayLockItAndAnotherUnlockIt) {
  RwMutex mutex;
  mutex.lock();
  WaitGroup other;
  other.go([&] { mutex.unlock(); });
  other.wait();
  mutex.lock_shared();
  other.go([&] { mutex.unlock_shared(); });
  other.wait();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

// "It is a run-time error if rw is not locked for writing on entry to Unlock."
TEST(RwMutex, UnlockOfAnUnlockedOnePanics) {
  RwMutex mutex;
  EXPECT_THROW(mutex.unlock(), Panic);
  mutex.lock_shared();
  EXPECT_THROW(mutex.unlock(), Panic);
  mutex.unlock_shared();
  EXPECT_TRUE(mutex.try_lock());  // the misuse left it as it was
  mutex.unlock();
}

// "It is a run-time error if rw is not locked for reading on entry to RUnlock."
TEST(RwMutex, UnlockSharedOfAnUnlockedOnePanics) {
  RwMutex mutex;
  EXPECT_THROW(mutex.unlock_shared(), Panic);
  mutex.lock();
  EXPECT_THROW(mutex.unlock_shared(), Panic);
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock_shared());
  mutex.unlock_shared();
}

TEST(RwMutex, FitsTheStandardGuards) {
  RwMutex a;
  RwMutex b;
  {
    const std::scoped_lock both(a, b);
    EXPECT_FALSE(a.try_lock_shared());
  }
  std::shared_lock reading(a);
  EXPECT_TRUE(b.try_lock_shared());
  b.unlock_shared();
  reading.unlock();
  const std::unique_lock writing(a);
  EXPECT_TRUE(writing.owns_lock());
}

// Tasks and plain threads in any mixture; the plain ints are what a sanitizer watches.
TEST(RwMutex, KeepsWritersApartFromReadersUnderLoad) {
  constexpr int kRounds = 2000;
  RwMutex mutex;
  int a = 0;
  int b = 0;
  std::atomic<int> torn{0};
  const auto work = [&](int seed) {
    for (int i = 0; i < kRounds; ++i) {
      if ((i + seed) % 4 == 0) {
        mutex.lock();
        ++a;
        if (i % 16 == 0) yield();
        ++b;
        mutex.unlock();
      } else {
        mutex.lock_shared();
        if (a != b) ++torn;
        if (i % 64 == 0) yield();
        mutex.unlock_shared();
      }
    }
  };
  WaitGroup all;
  for (int i = 0; i < 6; ++i) all.go(work, i);
  std::thread one(work, 1);
  std::thread two(work, 2);
  one.join();
  two.join();
  all.wait();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(a, 8 * kRounds / 4);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace vigil
