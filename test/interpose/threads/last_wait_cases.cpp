// Programs whose main returns while threads wait: pools that have no job, whoever serves for as long as the program
// lives. Nothing is wrong with any of them. Standard library and pthread only.
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

// In each sort of wait there is. Which of them has come to it when main returns makes no difference.
void clean_threads_wait_when_main_returns() {
  struct Waited {
    std::mutex lock;
    std::condition_variable jobs;
    sem_t semaphore;
    pthread_barrier_t barrier;
    std::atomic<int> word{0};
    std::promise<int> promise;
    std::shared_mutex shared;
    std::mutex held;
    int ends[2];
  };
  static auto* const all = new Waited;  // never destroyed: threads wait for it
  const bool made = sem_init(&all->semaphore, 0, 0) == 0 && pthread_barrier_init(&all->barrier, nullptr, 99) == 0 &&
                    pipe(all->ends) == 0;
  if (!made) std::abort();
  all->shared.lock();
  all->held.lock();
  const std::function<void()> waits[] = {
      [] {
        std::unique_lock own(all->lock);
        all->jobs.wait(own, [] { return false; });
      },
      [] { sem_wait(&all->semaphore); },
      [] { pthread_barrier_wait(&all->barrier); },
      [] { all->word.wait(0); },
      [result = all->promise.get_future().share()] { result.wait(); },
      [] { pause(); },
      [] { poll(nullptr, 0, -1); },
      [] { sleep(1000); },
      [] {
        char byte = 0;
        while (read(all->ends[0], &byte, 1) < 0) continue;
      },
      [] { all->shared.lock_shared(); },
      [] { all->held.lock(); },
  };
  for (const auto& wait : waits) std::thread(wait).detach();
  // So that most of them have come to it. Those that have not, on a slow machine, run when main returns, of which
  // nothing may be told either.
  usleep(20'000);
}

// A pool in a static variable that nobody destroys, as of many a library: idle, and one of its threads at work before.
void clean_pool_of_a_library_is_idle() {
  struct Pool {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::packaged_task<int()>> jobs;
    void serve() {
      for (;;) {
        std::unique_lock own(lock);
        changed.wait(own, [&] { return !jobs.empty(); });
        std::packaged_task<int()> job = std::move(jobs.front());
        jobs.pop_front();
        own.unlock();
        job();
      }
    }
  };
  static auto* const pool = new Pool;
  for (int i = 0; i < 4; ++i) std::thread([] { pool->serve(); }).detach();
  std::packaged_task<int()> job([] { return 1; });
  std::future<int> result = job.get_future();
  {
    const std::lock_guard own(pool->lock);
    pool->jobs.push_back(std::move(job));
  }
  pool->changed.notify_one();
  if (result.get() != 1) std::abort();
}

void clean_async_results_are_taken() {
  std::future<int> one = std::async(std::launch::async, [] { return 1; });
  std::future<int> never = std::async(std::launch::deferred, [] { return 2; });
  if (one.get() != 1) std::abort();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_threads_wait_when_main_returns),
    VIGIL_CASE(clean_pool_of_a_library_is_idle),
    VIGIL_CASE(clean_async_results_are_taken),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::last_wait_cases() { return kCases; }
