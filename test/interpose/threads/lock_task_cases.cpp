// Locks of tasks, vigil's own and the standard library's: their order, their misuse, and waits that nothing can end.
#include <semaphore.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::nest;
using vigil::test::nest_below;
using vigil::test::run_on;
using vigil::test::run_on_until_told;
using vigil::test::tasks_in_turn;
using vigil::test::threads_in_turn;
using vigil::test::Whistle;

void cycle_tasks_two() {
  vigil::Mutex a, b;
  tasks_in_turn([&] { nest(a, b); }, [&] { nest(b, a); });
}

void cycle_tasks_below_200_locks() {
  static std::array<vigil::Mutex, 200> around, others;
  static vigil::Mutex a, b;
  tasks_in_turn([] { nest_below(around, a, b); }, [] { nest_below(others, b, a); });
}

void cycle_tasks_three() {
  vigil::Mutex a, b, c;
  Whistle first_over, second_over;
  vigil::WaitGroup all;
  all.go([&] {
    nest(a, b);
    first_over.blow();
  });
  all.go([&] {
    first_over.hear();
    nest(b, c);
    second_over.blow();
  });
  all.go([&] {
    second_over.hear();
    nest(c, a);
  });
  all.wait();
}

void cycle_tasks_read_and_write() {
  vigil::RwMutex a, b;
  const auto read_then_write = [](vigil::RwMutex& first, vigil::RwMutex& second) {
    const std::shared_lock read(first);
    const std::lock_guard write(second);
  };
  tasks_in_turn([&] { read_then_write(a, b); }, [&] { read_then_write(b, a); });
}

void cycle_tasks_read_twice_around_a_writer() {
  vigil::RwMutex lock;
  tasks_in_turn(
      [&] {
        const std::shared_lock first(lock);
        const std::shared_lock second(lock);
      },
      [&] { const std::lock_guard write(lock); });
}

void cycle_tasks_read_twice_after_a_writer() {  // which had come before any reader
  vigil::RwMutex lock;
  tasks_in_turn([&] { const std::lock_guard write(lock); },
                [&] {
                  const std::shared_lock first(lock);
                  const std::shared_lock second(lock);
                });
}

void clean_tasks_read_twice_without_a_writer() {
  vigil::RwMutex lock;
  const auto read_twice = [&] {
    const std::shared_lock first(lock);
    const std::shared_lock second(lock);
  };
  { const std::lock_guard write(lock); }  // before they begin
  tasks_in_turn(read_twice, read_twice);
}

void clean_threads_read_twice() {
  // glibc's read-write locks prefer readers: no writer comes in between.
  std::shared_mutex lock;
  threads_in_turn(
      [&] {
        const std::shared_lock first(lock);
        const std::shared_lock second(lock);
      },
      [&] { const std::lock_guard write(lock); });
}

void cycle_tasks_vigil_and_standard() {
  vigil::Mutex a;
  std::mutex b;
  tasks_in_turn([&] { nest(a, b); }, [&] { nest(b, a); });
}

void clean_tasks_gate() {
  vigil::Mutex gate, a, b;
  tasks_in_turn(
      [&] {
        const std::lock_guard held(gate);
        nest(a, b);
      },
      [&] {
        const std::lock_guard held(gate);
        nest(b, a);
      });
}

void clean_tasks_ordered_by_a_channel() {
  vigil::Mutex a, b;
  vigil::Channel<vigil::Unit> over(0);
  vigil::WaitGroup both;
  both.go([&] {
    nest(a, b);
    over.send({});
  });
  both.go([&] {
    over.receive();
    nest(b, a);
  });
  both.wait();
}

void clean_tasks_second_by_try() {
  vigil::Mutex a, b;
  tasks_in_turn([&] { nest(a, b); },
                [&] {
                  const std::lock_guard held(b);
                  if (a.try_lock()) a.unlock();
                });
}

void clean_tasks_read_read() {
  vigil::RwMutex a, b;
  const auto read_both = [](vigil::RwMutex& first, vigil::RwMutex& second) {
    const std::shared_lock one(first);
    const std::shared_lock two(second);
  };
  tasks_in_turn([&] { read_both(a, b); }, [&] { read_both(b, a); });
}

void clean_tasks_ordered_by_once() {
  vigil::Once made;
  vigil::Mutex a, b;
  tasks_in_turn([&] { made.call([&] { nest(a, b); }); },
                [&] {
                  made.call([] {});
                  nest(b, a);
                });
}

void clean_task_waits_for_its_own_mutex_until_another_unlocks() {
  vigil::Mutex lock;
  lock.lock();
  vigil::go([&] {
    // As run_on(), and parked, as a task that is about to act can be.
    vigil::sleep_for(std::chrono::milliseconds(1000));
    lock.unlock();
  });
  lock.lock();  // as a signal, which Go allows
  lock.unlock();
}

void unheld_task_unlocks_twice() {
  vigil::WaitGroup over;
  over.go([] {
    vigil::Mutex lock;
    lock.lock();
    lock.unlock();
    try {
      lock.unlock();
    } catch (const vigil::Panic&) {
    }
  });
  over.wait();
}

void twice_task_locks() {
  static vigil::Mutex lock;
  vigil::go([] {
    lock.lock();
    lock.lock();
  });
  run_on();  // whoever runs on could unlock it: it is told at the end
}

void stuck_tasks_ring_while_main_runs() {
  static vigil::Mutex a, b;
  static vigil::WaitGroup both_hold;
  both_hold.add(2);
  const auto cross = [](vigil::Mutex& first, vigil::Mutex& second) {
    first.lock();
    both_hold.done();
    both_hold.wait();
    second.lock();
  };
  vigil::go(cross, std::ref(a), std::ref(b));
  vigil::go(cross, std::ref(b), std::ref(a));
  run_on_until_told();
}

void stuck_tasks_channel_ring_while_others_run() {
  const vigil::Channel<int> a(0), b(0), c(0);
  const auto pass_on = [](const vigil::Channel<int>& from, const vigil::Channel<int>& to) {
    to.send(from.receive_or_zero());
  };
  vigil::go(pass_on, a, b);
  vigil::go(pass_on, b, c);
  vigil::go(pass_on, c, a);
  vigil::go(
      [] { vigil::sleep_for(std::chrono::milliseconds(100)); });  // one that is no part of it; it may end any time
  run_on();                                                       // it is told at the end
}

void stuck_tasks_on_semaphores() {
  vigil::Semaphore a(1), b(1);
  vigil::WaitGroup both_hold, over;
  both_hold.add(2);
  const auto cross = [&](vigil::Semaphore& first, vigil::Semaphore& second) {
    first.acquire();
    both_hold.done();
    both_hold.wait();
    second.acquire();
  };
  over.go([&] { cross(a, b); });
  over.go([&] { cross(b, a); });
  over.wait();
}

void stuck_threads_on_semaphores() {
  sem_t a, b;
  sem_init(&a, 0, 1);
  sem_init(&b, 0, 1);
  Whistle a_held, b_held;
  std::thread one([&] {
    sem_wait(&a);
    a_held.blow();
    b_held.hear();
    sem_wait(&b);
  });
  std::thread two([&] {
    sem_wait(&b);
    b_held.blow();
    a_held.hear();
    sem_wait(&a);
  });
  one.join();
  two.join();
}

void stuck_task_waits_on_a_condition_under_another_lock() {
  vigil::Mutex outer, inner;
  vigil::Cond ready;
  vigil::WaitGroup over;
  const std::lock_guard held(outer);
  over.go([&] {
    const std::lock_guard mine(outer);
    ready.notify_one();
  });
  std::unique_lock waiting(inner);
  ready.wait(waiting);
}

void leak_task_missed_its_signal() {
  static vigil::Mutex lock;
  static vigil::Cond ready;
  ready.notify_one();
  vigil::go([] {
    std::unique_lock held(lock);
    ready.wait(held);
  });
  run_on();
}

void clean_daemon_and_idle_workers() {
  static const vigil::Channel<int> jobs(0);
  vigil::daemon([] {
    while (jobs.receive()) {
    }
  });
  static auto& lock = *new std::mutex;
  static auto& work = *new std::condition_variable;
  for (int i = 0; i < 3; ++i) {
    std::thread([] {
      std::unique_lock held(lock);
      work.wait(held);
    }).detach();
  }
  run_on();
}

// For dump_test.py, which asks for a dump while main reads: a task in each sort of wait, all daemons.
namespace every_wait {

const vigil::Channel<int>& empty() {
  static const vigil::Channel<int> channel(0);
  return channel;
}
vigil::Mutex held;
vigil::WaitGroup group;

// Called last, so that the wait before it is no jump, which would leave no frame.
[[gnu::noinline]] void come_back() { asm volatile("" ::: "memory"); }

void to_receive() { empty().receive(); }
void to_send() {
  const vigil::Channel<int> full(1);
  full.send(1);
  full.send(2);
}
void in_select() {
  vigil::select(vigil::on_receive(empty(), [](std::optional<int>) {}), vigil::on_timeout(std::chrono::hours(1), [] {}));
}
void on_nil() { vigil::Channel<int>().receive(); }
void for_mutex() { const std::lock_guard mine(held); }
void for_group() {
  group.wait();
  come_back();
}
void asleep() {
  vigil::sleep_for(std::chrono::hours(1));  // until the program ends: that wait is what the case is about
  come_back();
}

}  // namespace every_wait

void clean_daemons_in_every_wait() {
  every_wait::held.lock();
  every_wait::group.add(1);
  for (int i = 0; i < 3; ++i) vigil::daemon(every_wait::to_receive);
  vigil::daemon(every_wait::to_send);
  vigil::daemon(every_wait::in_select);
  vigil::daemon(every_wait::on_nil);
  vigil::daemon(every_wait::for_mutex);
  vigil::daemon(every_wait::for_group);
  vigil::daemon(every_wait::asleep);
  std::puts("ready");
  std::fflush(stdout);
  char c = 0;
  while (read(STDIN_FILENO, &c, 1) > 0) {
  }
  every_wait::held.unlock();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_daemons_in_every_wait),
    VIGIL_CASE(cycle_tasks_two),
    VIGIL_CASE(cycle_tasks_three),
    VIGIL_CASE(cycle_tasks_below_200_locks),
    VIGIL_CASE(cycle_tasks_read_and_write),
    VIGIL_CASE(cycle_tasks_read_twice_around_a_writer),
    VIGIL_CASE(cycle_tasks_read_twice_after_a_writer),
    VIGIL_CASE(clean_tasks_read_twice_without_a_writer),
    VIGIL_CASE(clean_threads_read_twice),
    VIGIL_CASE(cycle_tasks_vigil_and_standard),
    VIGIL_CASE(clean_tasks_gate),
    VIGIL_CASE(clean_tasks_ordered_by_a_channel),
    VIGIL_CASE(clean_tasks_second_by_try),
    VIGIL_CASE(clean_tasks_read_read),
    VIGIL_CASE(clean_tasks_ordered_by_once),
    VIGIL_CASE(clean_task_waits_for_its_own_mutex_until_another_unlocks),
    VIGIL_CASE(unheld_task_unlocks_twice),
    VIGIL_CASE(twice_task_locks),
    VIGIL_CASE(stuck_tasks_ring_while_main_runs),
    VIGIL_CASE(stuck_tasks_channel_ring_while_others_run),
    VIGIL_CASE(stuck_tasks_on_semaphores),
    VIGIL_CASE(stuck_threads_on_semaphores),
    VIGIL_CASE(stuck_task_waits_on_a_condition_under_another_lock),
    VIGIL_CASE(leak_task_missed_its_signal),
    VIGIL_CASE(clean_daemon_and_idle_workers),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_task_cases() { return kCases; }
