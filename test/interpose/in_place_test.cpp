#include "interpose/locks/in_place.hpp"

#include <array>
#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "interpose/lifecycle.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::locks::in_place {
namespace {

constexpr int kThreads = 30;
constexpr int kRounds = 20'000;

class InPlace : public testing::Test {
 protected:
  // Whoever locks once by glibc's function and once in place: nothing may depend on which.
  void lock(bool here) {
    if (!here || !takes(&mutex, this_tid())) {
      ASSERT_EQ(real.mutex_lock(&mutex), 0);
    }
  }
  void unlock(bool here) {
    if (!here || !gives_back(&mutex)) {
      ASSERT_EQ(real.mutex_unlock(&mutex), 0);
    }
  }
  void read(bool here) {
    if (!here || !takes_for_reading(&rwlock)) {
      ASSERT_EQ(real.rwlock_rdlock(&rwlock), 0);
    }
  }
  void read_back(bool here) {
    if (!here || !gives_back_for_reading(&rwlock)) {
      ASSERT_EQ(real.rwlock_unlock(&rwlock), 0);
    }
  }
  template <class Body>
  static void on_many_threads(Body body) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(body, thread);
    for (std::thread& thread : threads) thread.join();
  }

  const RealPthread& real = real_pthread();
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
};

TEST_F(InPlace, IsOpenOverGlibc) {
  ASSERT_TRUE(ensure_live());
  EXPECT_TRUE(is_open());
}

TEST_F(InPlace, TheHolderIsKnownToGlibc) {
  ASSERT_TRUE(takes(&mutex, this_tid()));
  EXPECT_EQ(glibc::owner_of(&mutex), this_tid());
  EXPECT_EQ(mutex.__data.__nusers, 1U);
  std::thread([&] {
    const timespec past{};
    EXPECT_EQ(real.mutex_trylock(&mutex), EBUSY);
    EXPECT_EQ(real.mutex_timedlock(&mutex, &past), ETIMEDOUT);
    EXPECT_EQ(real.mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past), ETIMEDOUT);
    EXPECT_EQ(real.mutex_destroy(&mutex), EBUSY);
  }).join();
  // Two waited: glibc is told when it comes free.
  EXPECT_FALSE(gives_back(&mutex));
  EXPECT_EQ(glibc::owner_of(&mutex), this_tid());
  EXPECT_EQ(real.mutex_unlock(&mutex), 0);
  EXPECT_EQ(real.mutex_destroy(&mutex), 0);
}

TEST_F(InPlace, WhoWaitsInGlibcIsWoken) {
  ASSERT_TRUE(takes(&mutex, this_tid()));
  std::thread waiting([&] {
    lock(false);
    unlock(true);
  });
  while (__atomic_load_n(&mutex.__data.__lock, __ATOMIC_RELAXED) == kHeld) std::this_thread::yield();
  unlock(true);
  waiting.join();
  EXPECT_EQ(mutex.__data.__nusers, 0U);
}

TEST_F(InPlace, OneAtATimeHoldsTheMutexHoweverItIsTaken) {
  long sum = 0;
  on_many_threads([&](int thread) {
    for (int round = 0; round < kRounds; ++round) {
      lock((thread + round) % 2 == 0);
      ++sum;
      unlock((thread + round) % 3 == 0);
    }
  });
  EXPECT_EQ(sum, long{kThreads} * kRounds);
  EXPECT_EQ(mutex.__data.__lock, 0);
  EXPECT_EQ(mutex.__data.__owner, 0);
  EXPECT_EQ(mutex.__data.__nusers, 0U);
}

TEST_F(InPlace, AConditionWaitsWithWhatWasTakenHere) {
  pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
  int turn = 0;
  constexpr int kTurns = 2'000;
  const auto play = [&](int mine) {
    for (int i = 0; i < kTurns; ++i) {
      lock(true);
      while (turn % 2 != mine) ASSERT_EQ(real.cond_wait(&turned, &mutex), 0);
      EXPECT_EQ(glibc::owner_of(&mutex), this_tid());
      ++turn;
      real.cond_signal(&turned);
      unlock(true);
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, 2 * kTurns);
  EXPECT_EQ(mutex.__data.__nusers, 0U);
  EXPECT_EQ(real.mutex_destroy(&mutex), 0);
}

TEST_F(InPlace, ReadersAndWritersExcludeEachOther) {
  std::array<long, 2> pair{};
  on_many_threads([&](int thread) {
    for (int round = 0; round < kRounds / 4; ++round) {
      if ((thread + round) % 8 == 0) {
        ASSERT_EQ(real.rwlock_wrlock(&rwlock), 0);
        ++pair[0];
        ++pair[1];
        ASSERT_EQ(real.rwlock_unlock(&rwlock), 0);
        continue;
      }
      read(round % 2 == 0);
      EXPECT_EQ(pair[0], pair[1]);
      read_back(round % 3 != 0);
    }
  });
  EXPECT_EQ(pair[0], long{kThreads} * kRounds / 4 / 8);
  ASSERT_EQ(real.rwlock_trywrlock(&rwlock), 0);
  EXPECT_FALSE(takes_for_reading(&rwlock));
  EXPECT_FALSE(gives_back_for_reading(&rwlock));
  EXPECT_EQ(real.rwlock_unlock(&rwlock), 0);
}

TEST_F(InPlace, AWriterThatWaitsIsForGlibc) {
  ASSERT_TRUE(takes_for_reading(&rwlock));
  std::thread waiting([&] {
    ASSERT_EQ(real.rwlock_wrlock(&rwlock), 0);
    ASSERT_EQ(real.rwlock_unlock(&rwlock), 0);
  });
  while ((__atomic_load_n(&rwlock.__data.__readers, __ATOMIC_RELAXED) & kMarks) == 0) std::this_thread::yield();
  EXPECT_FALSE(takes_for_reading(&rwlock));
  EXPECT_FALSE(gives_back_for_reading(&rwlock));
  EXPECT_EQ(real.rwlock_unlock(&rwlock), 0);
  waiting.join();
}

TEST_F(InPlace, OtherReadWriteLocksAreForGlibc) {
  pthread_rwlockattr_t attributes;
  pthread_rwlockattr_init(&attributes);
  pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ASSERT_EQ(real.rwlock_init(&rwlock, &attributes), 0);
  EXPECT_FALSE(is_plain(&rwlock));
  pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_PRIVATE);
  pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  ASSERT_EQ(real.rwlock_init(&rwlock, &attributes), 0);
  EXPECT_FALSE(is_plain(&rwlock));
}

}  // namespace
}  // namespace vigil::shim::locks::in_place
