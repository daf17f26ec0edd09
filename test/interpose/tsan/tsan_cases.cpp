// What the bridge to ThreadSanitizer's runtime adds to what that runtime can do alone. A case's first word is what must
// be found (cases_test.py).
#include <threads.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Whistle;

int add_one(void* number) { return ++*static_cast<int*>(number); }

// The runtime alone crashes in a thread of C11's.
void clean_c11_threads() {
  int number = 0;
  for (int i = 0; i < 3; ++i) {
    thrd_t thread{};
    int result = 0;
    if (thrd_create(&thread, add_one, &number) != thrd_success) std::abort();
    if (thrd_join(thread, &result) != thrd_success || result != number) std::abort();
  }
}

mtx_t c11_lock;
int guarded = 0;
int add_guarded(void* /*nothing*/) {
  mtx_lock(&c11_lock);
  ++guarded;
  mtx_unlock(&c11_lock);
  return 0;
}
void clean_c11_mutex() {
  mtx_init(&c11_lock, mtx_plain);
  std::array<thrd_t, 2> threads{};
  for (thrd_t& thread : threads) thrd_create(&thread, add_guarded, nullptr);
  for (const thrd_t thread : threads) thrd_join(thread, nullptr);
  mtx_destroy(&c11_lock);
}

// It ends the program at the 65th.
void clean_a_thousand_locks_held() {
  std::vector<std::mutex> locks(1000);
  for (std::mutex& lock : locks) lock.lock();
  for (std::mutex& lock : locks) lock.unlock();
}

void clean_timed_mutex() {
  std::timed_mutex lock;
  int number = 0;
  const auto add = [&] {
    while (!lock.try_lock_for(std::chrono::seconds(10))) continue;
    ++number;
    lock.unlock();
  };
  std::thread first(add);
  std::thread second(add);
  first.join();
  second.join();
}

// It looks at a mutex that is locked or unlocked as at a variable. A wait on a condition gives the mutex back and takes
// it again: were that hidden from it, the next use of the memory would be a race with whoever notified.
struct Errand {
  std::mutex lock;
  std::condition_variable ended;
  bool done = false;
};
[[gnu::noinline]] void wait_for_end(std::atomic<Errand*>& next) {
  Errand errand;
  std::unique_lock held(errand.lock);
  next.store(&errand);
  next.notify_one();
  errand.ended.wait(held, [&] { return errand.done; });
}
[[gnu::noinline]] void write_where_it_was() {
  volatile long own[64];
  for (volatile long& one : own) one = 1;
}
void clean_mutex_of_a_wait_whose_memory_is_used_again() {
  std::atomic<Errand*> next{nullptr};
  Errand last;
  std::thread runner([&] {
    for (Errand* errand = nullptr; errand != &last;) {
      next.wait(nullptr);
      errand = next.exchange(nullptr);
      const std::lock_guard held(errand->lock);
      errand->done = true;
      errand->ended.notify_one();
    }
  });
  for (int i = 0; i < 10; ++i) {
    wait_for_end(next);
    write_where_it_was();
  }
  next.store(&last);
  next.notify_one();
  runner.join();
}

// Tasks one after the other on the same stack have nothing to do with each other.
void clean_stacks_used_again() {
  for (int i = 0; i < 30; ++i) {
    vigil::WaitGroup group;
    group.go([] {
      volatile int own[64];
      for (volatile int& one : own) one = 1;
    });
    group.wait();
  }
}
void race_between_tasks_one_after_the_other() {
  int number = 0;
  Whistle first_is_over;
  vigil::go([&] {
    ++number;
    first_is_over.blow();
  });
  first_is_over.hear();
  vigil::WaitGroup group;
  group.go([&] { ++number; });
  group.wait();
}

// A receiver that parks is acted for by the sender.
void clean_handed_to_a_parked_receiver() {
  vigil::Channel<std::unique_ptr<int>> numbers(0);
  vigil::WaitGroup group;
  int sum = 0;
  group.go([&] {
    for (int i = 0; i < 20; ++i) sum += **numbers.receive();
  });
  for (int i = 0; i < 20; ++i) numbers.send(std::make_unique<int>(i));
  group.wait();
  if (sum != 190) std::abort();
}
void clean_select_and_close() {
  vigil::Channel<int> work(2);
  vigil::Channel<vigil::Unit> stop(0);
  int done = 0;
  vigil::WaitGroup group;
  group.go([&] {
    for (bool more = true; more;) {
      vigil::select(vigil::on_receive(work, [&](std::optional<int> value) { done += value.value_or(0); }),
                    vigil::on_receive(stop, [&](std::optional<vigil::Unit>) { more = false; }));
    }
  });
  for (int i = 0; i < 10; ++i) work.send(1);
  stop.close();
  group.wait();
  if (done > 10) std::abort();
}

// More tasks alive than are followed: the rest run unseen, and what they hand on stays ordered.
void clean_more_tasks_than_are_followed() {
  constexpr int kTasks = 100;  // VIGIL_TSAN_TASKS=64 makes them too many
  vigil::Channel<std::unique_ptr<int>> numbers(0);
  vigil::Channel<vigil::Unit> begin(0);
  vigil::WaitGroup group;
  for (int i = 0; i < kTasks; ++i) {
    group.go([&, i] {
      begin.receive();
      numbers.send(std::make_unique<int>(i));
    });
  }
  begin.close();
  long sum = 0;
  for (int i = 0; i < kTasks; ++i) sum += **numbers.receive();
  group.wait();
  if (sum != long{kTasks} * (kTasks - 1) / 2) std::abort();
}

// The runtime starts, and wakes the shim, before libc has its environment.
void clean_environment_is_there() {
  if (std::getenv("VIGIL_OPTIONS") == nullptr || environ == nullptr) std::abort();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_environment_is_there),
    VIGIL_CASE(clean_c11_threads),
    VIGIL_CASE(clean_c11_mutex),
    VIGIL_CASE(clean_a_thousand_locks_held),
    VIGIL_CASE(clean_timed_mutex),
    VIGIL_CASE(clean_mutex_of_a_wait_whose_memory_is_used_again),
    VIGIL_CASE(clean_stacks_used_again),
    VIGIL_CASE(race_between_tasks_one_after_the_other),
    VIGIL_CASE(clean_handed_to_a_parked_receiver),
    VIGIL_CASE(clean_select_and_close),
    VIGIL_CASE(clean_more_tasks_than_are_followed),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
