// lock_cost [rounds=2000000]: what an uncontended lock and unlock costs, and a nested pair, with a second thread alive.
// Run it plain and under the shim; each line is a name and nanoseconds, the best of several tries.
#include <pthread.h>

#include <algorithm>
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

template <class Body>
void measure(const char* name, long rounds, Body body) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (long round = 0; round < rounds; ++round) body();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(rounds));
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
  {
    const std::lock_guard held(gate);
    done = true;
  }
  over.notify_one();
  other.join();
}
