// One task for each sort of wait that the newer primitives know, each for ever.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <shared_mutex>

namespace {

using vigil::Channel;
using namespace std::chrono_literals;

// They outlive main: some are held for ever.
auto& semaphore = *new vigil::Semaphore(1);
auto& rw_mutex = *new vigil::RwMutex;
auto& mutex = *new vigil::Mutex;
auto& cond = *new vigil::Cond;
auto& once = *new vigil::Once;

void wait_for_semaphore() {
  semaphore.acquire(1);  // frame: semaphore
  std::puts("acquired");
}

void wait_to_read() {
  const std::shared_lock held(rw_mutex);  // frame: read
}

void wait_to_write() {
  const std::scoped_lock held(rw_mutex);  // frame: write
}

void wait_for_cond() {
  std::unique_lock held(mutex);
  cond.wait(held);  // frame: cond
}

void wait_for_once() {
  once.call([] {});  // frame: once
  std::puts("once");
}

void wait_for_stop(const vigil::StopController& stop) {
  (void)stop.stopped().receive();  // frame: stop
  std::puts("stopped");
}

void wait_for_pool() {
  vigil::WorkerPool pool({.workers = 1});
  pool.submit([] {
    const Channel<int> silent(0);
    (void)silent.receive();  // frame: job
    std::puts("job");
  });
  pool.wait();  // frame: pool
  std::puts("worked");
}

void wait_for_group() {
  vigil::ErrorGroup group;
  group.go([] {
    const Channel<int> silent(0);
    (void)silent.receive();  // frame: member
    std::puts("member");
  });
  group.wait();  // frame: group
  std::puts("done");
}

}  // namespace

int main() {
  static const auto& stop = *new vigil::StopController;  // outlives main: a task waits for it
  const Channel<int> ready(0);
  // The holder sleeps, so that it is none itself.
  vigil::daemon([=] {
    semaphore.acquire(1);
    rw_mutex.lock();
    once.call([=] {
      ready.send(1);
      vigil::sleep_for(1h);
    });
  });
  (void)ready.receive();
  vigil::go(wait_for_semaphore);
  vigil::go(wait_to_read);
  vigil::go(wait_to_write);
  vigil::go(wait_for_cond);
  vigil::go(wait_for_once);
  vigil::go([] { wait_for_stop(stop); });
  vigil::go(wait_for_pool);
  vigil::go(wait_for_group);
  std::printf("started\n");
}
