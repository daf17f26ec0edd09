// Programs whose workers are blocked in calls of the system's library: with one worker nobody is left to run the tasks
// that could go on; with more they go on, and the program hangs a little later.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/stuck_cases.hpp"

namespace {

using vigil::Channel;

// Long enough for the shim to look several times, when it wrongly thinks that it should.
constexpr std::chrono::milliseconds kLong(250);

// A thread and a task lock crosswise; main waits for another task, which is ready.
void stuck_ring_with_the_only_worker() {
  std::mutex a;
  std::mutex b;
  const Channel<int> a_is_taken(1);
  const Channel<int> b_is_taken(1);
  const Channel<int> from_ready(0);
  std::thread thread([&] {
    const std::lock_guard first(a);
    a_is_taken.send(1);
    (void)b_is_taken.receive();
    const std::lock_guard second(b);
  });
  vigil::WaitGroup tasks;
  tasks.go([&] {
    const std::lock_guard first(b);
    b_is_taken.send(1);
    (void)a_is_taken.receive();
    vigil::go([=] { from_ready.send(1); });
    const std::lock_guard second(a);
  });
  (void)from_ready.receive();
  tasks.wait();
  thread.join();
}

// What it waits for only the task that it started could do.
void stuck_only_worker_waits_for_a_task_that_is_ready() {
  vigil::set_max_procs(1);
  std::mutex lock;
  std::condition_variable changed;
  bool ready = false;
  vigil::WaitGroup tasks;
  tasks.go([&] {
    tasks.go([&] {
      const std::lock_guard held(lock);
      ready = true;
      changed.notify_one();
    });
    std::unique_lock held(lock);
    changed.wait(held, [&] { return ready; });
  });
  tasks.wait();
}

// The same while a plain thread is awake, which brings what the worker waits for.
void moves_only_worker_waits_for_a_thread() {
  vigil::set_max_procs(1);
  std::mutex lock;
  std::condition_variable changed;
  bool ready = false;
  const Channel<int> begun(1);
  vigil::WaitGroup tasks;
  tasks.go([&] {
    tasks.go([] {});
    std::unique_lock held(lock);
    begun.send(1);
    changed.wait(held, [&] { return ready; });
  });
  std::thread late([&] {
    (void)begun.receive();
    std::this_thread::sleep_for(kLong);
    const std::lock_guard held(lock);
    ready = true;
    changed.notify_one();
  });
  tasks.wait();
  late.join();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(stuck_ring_with_the_only_worker),
    VIGIL_CASE(stuck_only_worker_waits_for_a_task_that_is_ready),
    VIGIL_CASE(moves_only_worker_waits_for_a_thread),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::worker_cases() { return kCases; }
