// lock_cost [rounds=2000000]: what an uncontended lock and unlock costs, and a nested pair, with a second thread alive.
// "in turn": of another lock than last time, or at another place.
// Run it plain and under the shim; each line is a name and nanoseconds, the best of several tries.
#include <pthread.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include <vigil/mutex.hpp>
#include <vigil/rw_mutex.hpp>

namespace {

constexpr int kTries = 7;

// pairs: of lock and unlock, in a round.
template <class Body>
void measure(const char* name, long rounds, Body body, int pairs = 1) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (long round = 0; round < rounds; ++round) body();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(rounds * pairs));
  }
  std::printf("%-24s %8.1f\n", name, best);
}

template <class Mutex>
[[gnu::noinline]] void once(Mutex& lock) {
  lock.lock();
  lock.unlock();
}

template <class Mutex>
[[gnu::noinline]] void nested(Mutex& outer, Mutex& inner) {
  outer.lock();
  inner.lock();
  inner.unlock();
  outer.unlock();
}

// Two places that take one lock: by another number each, two functions.
template <int place>
[[gnu::noinline]] int at_place(std::mutex& lock) {
  const std::lock_guard held(lock);
  return place;
}

// The lock is taken below so many frames more.
[[gnu::noinline]] int at_depth(int depth, std::mutex& lock) {
  if (depth == 0) {
    once(lock);
    return 0;
  }
  const int below = at_depth(depth - 1, lock);
  asm volatile("");  // not the last thing it does: each call is a frame
  return below + 1;
}

}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::atol(argv[1]) : 2'000'000;
  std::mutex gate;
  std::condition_variable over;
  bool done = false;
  std::thread other([&] {
    std::unique_lock held(gate);
    over.wait(held, [&] { return done; });
  });
  std::mutex a;
  std::mutex b;
  std::shared_mutex shared;
  vigil::Mutex c;
  vigil::Mutex d;
  measure("std::mutex", rounds, [&] { once(a); });
  measure("std::shared_mutex read", rounds, [&] {
    shared.lock_shared();
    shared.unlock_shared();
  });
  measure("vigil::Mutex", rounds, [&] { once(c); });
  measure("std::mutex nested", rounds, [&] { nested(a, b); });
  measure("vigil::Mutex nested", rounds, [&] { nested(c, d); });
  constexpr int kDepth = 10;
  measure("std::mutex 10 deeper", rounds, [&] { at_depth(kDepth, a); });
  measure(
      "std::mutex, two places", rounds / 2,
      [&] {
        at_place<1>(a);
        at_place<2>(a);
      },
      2);
  std::array<std::mutex, 4> turns;
  std::size_t turn = 0;
  measure("std::mutex, four in turn", rounds, [&] { once(turns[turn++ % turns.size()]); });
  std::recursive_mutex recursive;
  measure("std::recursive_mutex", rounds, [&] { once(recursive); });
  measure("std::shared_mutex write", rounds, [&] { once(shared); });
  measure("std::mutex tried", rounds, [&] {
    if (a.try_lock()) a.unlock();
  });
  vigil::RwMutex both;
  measure("vigil::RwMutex write", rounds, [&] { once(both); });
  measure("vigil::RwMutex read", rounds, [&] {
    both.lock_shared();
    both.unlock_shared();
  });
  {
    const std::lock_guard held(gate);
    done = true;
  }
  over.notify_one();
  other.join();
}
