// Locks: their order, their misuse, and waits that nothing can end. The case's first word says what must be found. The
// thread forms use the standard library only, the task forms vigil's own primitives.
#include <pthread.h>
#include <semaphore.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Whistle;

// One after the other, and nothing that the shim knows orders the two.
template <class First, class Second>
void threads_in_turn(First first, Second second) {
  Whistle over;
  std::thread one([&] {
    first();
    over.blow();
  });
  std::thread two([&] {
    over.hear();
    second();
  });
  one.join();
  two.join();
}
template <class First, class Second>
void tasks_in_turn(First first, Second second) {
  Whistle over;
  vigil::WaitGroup both;
  both.go([&] {
    first();
    over.blow();
  });
  both.go([&] {
    over.hear();
    second();
  });
  both.wait();
}

template <class Outer, class Inner>
void nest(Outer& outer, Inner& inner) {
  const std::lock_guard held(outer);
  const std::lock_guard both(inner);
}

// ---- the order of locks: threads -----------------------------------------------------------------------------------

void cycle_threads_two() {
  std::mutex a, b;
  threads_in_turn([&] { nest(a, b); }, [&] { nest(b, a); });
}

void cycle_threads_three() {
  std::mutex a, b, c;
  threads_in_turn([&] { threads_in_turn([&] { nest(a, b); }, [&] { nest(b, c); }); }, [&] { nest(c, a); });
}

void cycle_threads_first_by_try() {
  std::mutex a, b;
  const auto taken_by_try = [](std::mutex& first, std::mutex& second) {
    while (!first.try_lock()) {
    }
    second.lock();
    second.unlock();
    first.unlock();
  };
  threads_in_turn([&] { taken_by_try(a, b); }, [&] { taken_by_try(b, a); });
}

void cycle_threads_read_and_write() {
  std::shared_mutex a, b;
  const auto read_then_write = [](std::shared_mutex& first, std::shared_mutex& second) {
    const std::shared_lock read(first);
    const std::lock_guard write(second);
  };
  threads_in_turn([&] { read_then_write(a, b); }, [&] { read_then_write(b, a); });
}

void cycle_threads_recursive() {
  std::recursive_mutex a, b;
  const auto twice = [](std::recursive_mutex& first, std::recursive_mutex& second) {
    const std::lock_guard once(first);
    const std::lock_guard again(first);
    nest(second, second);
  };
  threads_in_turn([&] { twice(a, b); }, [&] { twice(b, a); });
}

void cycle_threads_in_loops() {
  std::mutex a, b;
  threads_in_turn(
      [&] {
        for (int i = 0; i < 1000; ++i) nest(a, b);
      },
      [&] {
        for (int i = 0; i < 1000; ++i) nest(b, a);
      });
}

void cycle_threads_relock_after_a_condition() {
  std::mutex outer, inner;
  std::condition_variable never;
  threads_in_turn([&] { nest(inner, outer); },
                  [&] {
                    std::unique_lock first(inner);
                    const std::lock_guard second(outer);
                    never.wait_for(first, std::chrono::milliseconds(1));
                  });
}

void clean_threads_gate() {
  std::mutex gate, a, b;
  threads_in_turn(
      [&] {
        const std::lock_guard held(gate);
        nest(a, b);
      },
      [&] {
        const std::lock_guard held(gate);
        nest(b, a);
      });
}

void clean_threads_one_alone() {
  std::mutex a, b;
  std::thread([&] {
    nest(a, b);
    nest(b, a);
  }).join();
}

void clean_threads_joined_before() {
  std::mutex a, b;
  std::thread([&] { nest(a, b); }).join();
  std::thread([&] { nest(b, a); }).join();
}

void clean_threads_second_by_try() {
  std::mutex a, b;
  threads_in_turn([&] { nest(a, b); },
                  [&] {
                    const std::lock_guard held(b);
                    if (a.try_lock()) a.unlock();
                  });
}

void clean_threads_second_timed() {
  std::timed_mutex a, b;
  const auto timed = [](std::timed_mutex& first, std::timed_mutex& second) {
    const std::lock_guard held(first);
    if (second.try_lock_for(std::chrono::seconds(1))) second.unlock();
  };
  threads_in_turn([&] { timed(a, b); }, [&] { timed(b, a); });
}

void clean_threads_scoped_lock() {
  std::mutex a, b;
  threads_in_turn([&] { const std::scoped_lock both(a, b); }, [&] { const std::scoped_lock both(b, a); });
}

void clean_threads_read_read() {
  std::shared_mutex a, b;
  const auto read_both = [](std::shared_mutex& first, std::shared_mutex& second) {
    const std::shared_lock one(first);
    const std::shared_lock two(second);
  };
  threads_in_turn([&] { read_both(a, b); }, [&] { read_both(b, a); });
}

void clean_threads_mutex_at_a_reused_stack_address() {
  static std::mutex lasting;
  // Two threads one after the other get the same stack, and std::mutex does not say that it is gone.
  Whistle over;
  std::thread([&] {
    std::mutex own;
    nest(own, lasting);
    over.blow();
  }).detach();
  over.hear();
  std::thread([&] {
    std::mutex own;
    nest(lasting, own);
  }).join();
}

void clean_threads_mutex_in_a_reused_block() {
  static std::mutex lasting;
  struct Entry {
    std::mutex own;
    char room[200] = {};
  };
  // The second thread usually gets the first one's arena, and the block that was freed last.
  threads_in_turn(
      [&] {
        const auto entry = std::make_unique<Entry>();
        nest(entry->own, lasting);  // std::mutex does not say when it goes
      },
      [&] {
        const auto entry = std::make_unique<Entry>();
        nest(lasting, entry->own);
      });
}

void clean_threads_mutex_initialised_anew() {
  static std::mutex lasting;
  pthread_mutex_t lock;
  threads_in_turn(
      [&] {
        pthread_mutex_init(&lock, nullptr);
        pthread_mutex_lock(&lock);
        const std::lock_guard held(lasting);
        pthread_mutex_unlock(&lock);
        pthread_mutex_destroy(&lock);
      },
      [&] {
        pthread_mutex_init(&lock, nullptr);
        const std::lock_guard held(lasting);
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        pthread_mutex_destroy(&lock);
      });
}

template <std::size_t kMany>
void hold_many() {
  std::thread([] {
    std::deque<std::mutex> locks(kMany);
    for (std::mutex& lock : locks) lock.lock();
    for (std::mutex& lock : locks) lock.unlock();
  }).join();
}
void clean_threads_hold_65() { hold_many<65>(); }
void clean_threads_hold_129() { hold_many<129>(); }
void clean_threads_hold_10000() { hold_many<10'000>(); }

void clean_thread_never_joined() {
  // Never destroyed: a condition's destructor waits for those who wait.
  static auto& lock = *new std::mutex;
  static auto& jobs = *new std::condition_variable;
  std::thread([] {
    std::unique_lock held(lock);
    jobs.wait(held);
  }).detach();
}

// ---- misuse: threads -----------------------------------------------------------------------------------------------

void other_thread_unlocks() {
  std::mutex lock;
  lock.lock();
  std::thread([&] { lock.unlock(); }).join();
}

void unheld_thread_unlocks_twice() {
  std::thread([] {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&lock);
  }).join();
}

void destroyed_thread_holds() {
  std::thread([] {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_destroy(&lock);
  }).join();
}

void clean_threads_error_checking_mutex() {
  // Whoever asks for it listens to what it says.
  pthread_mutexattr_t checked;
  pthread_mutexattr_init(&checked);
  pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t lock;
  pthread_mutex_init(&lock, &checked);
  std::thread([&] {
    pthread_mutex_lock(&lock);
    if (pthread_mutex_lock(&lock) == 0) std::abort();
    pthread_mutex_unlock(&lock);
    if (pthread_mutex_unlock(&lock) == 0) std::abort();
  }).join();
  pthread_mutex_destroy(&lock);
}

// ---- waits that nothing can end, while others run on ---------------------------------------------------------------

void run_on() { std::this_thread::sleep_for(std::chrono::milliseconds(1000)); }

void stuck_threads_ring_while_main_runs() {
  static std::mutex a, b;
  static Whistle a_held, b_held;
  std::thread([] {
    const std::lock_guard first(a);
    a_held.blow();
    b_held.hear();
    const std::lock_guard second(b);
  }).detach();
  std::thread([] {
    const std::lock_guard first(b);
    b_held.blow();
    a_held.hear();
    const std::lock_guard second(a);
  }).detach();
  run_on();
}

void stuck_thread_ended_with_the_lock() {
  static std::mutex lock;
  std::thread([] { lock.lock(); }).join();
  std::thread([] { const std::lock_guard held(lock); }).detach();
  run_on();
}

void stuck_join_while_holding_beside_others() {
  static std::mutex lock;
  static Whistle held;
  static std::thread waiter([] {
    held.hear();
    const std::lock_guard mine(lock);
  });
  std::thread([] {
    const std::lock_guard mine(lock);
    held.blow();
    waiter.join();
  }).detach();
  run_on();
  std::_Exit(0);  // waiter's destructor would not let it end
}

void stuck_tasks_on_standard_mutexes() {
  static std::mutex a, b;
  static Whistle a_held, b_held;
  vigil::go([] {
    const std::lock_guard first(a);
    a_held.blow();
    b_held.hear();
    const std::lock_guard second(b);
  });
  // A thread, for with one worker the second task would wait for the first one's worker.
  std::thread([] {
    const std::lock_guard first(b);
    b_held.blow();
    a_held.hear();
    const std::lock_guard second(a);
  }).detach();
  run_on();
}

// ---- tasks ---------------------------------------------------------------------------------------------------------

void cycle_tasks_two() {
  vigil::Mutex a, b;
  tasks_in_turn([&] { nest(a, b); }, [&] { nest(b, a); });
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

void clean_tasks_hand_over_a_mutex() {
  vigil::Mutex lock;
  vigil::Channel<vigil::Unit> yours(0);
  vigil::WaitGroup both;
  for (int i = 0; i < 3; ++i) {
    both.go([&] {
      lock.lock();
      yours.send({});
    });
    both.go([&] {
      yours.receive();
      lock.unlock();
    });
    both.wait();
  }
}

void clean_task_waits_for_its_own_mutex_until_another_unlocks() {
  vigil::Mutex lock;
  lock.lock();
  vigil::go([&] {
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
  run_on();
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
  run_on();
}

void stuck_tasks_channel_ring_while_others_run() {
  const vigil::Channel<int> a(0), b(0), c(0);
  const auto pass_on = [](const vigil::Channel<int>& from, const vigil::Channel<int>& to) {
    to.send(from.receive_or_zero());
  };
  vigil::go(pass_on, a, b);
  vigil::go(pass_on, b, c);
  vigil::go(pass_on, c, a);
  vigil::go([] { vigil::sleep_for(std::chrono::milliseconds(100)); });
  run_on();
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

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(cycle_threads_two),
    VIGIL_CASE(cycle_threads_three),
    VIGIL_CASE(cycle_threads_first_by_try),
    VIGIL_CASE(cycle_threads_read_and_write),
    VIGIL_CASE(cycle_threads_recursive),
    VIGIL_CASE(cycle_threads_in_loops),
    VIGIL_CASE(cycle_threads_relock_after_a_condition),
    VIGIL_CASE(clean_threads_gate),
    VIGIL_CASE(clean_threads_one_alone),
    VIGIL_CASE(clean_threads_joined_before),
    VIGIL_CASE(clean_threads_second_by_try),
    VIGIL_CASE(clean_threads_second_timed),
    VIGIL_CASE(clean_threads_scoped_lock),
    VIGIL_CASE(clean_threads_read_read),
    VIGIL_CASE(clean_threads_mutex_at_a_reused_stack_address),
    VIGIL_CASE(clean_threads_mutex_in_a_reused_block),
    VIGIL_CASE(clean_threads_mutex_initialised_anew),
    VIGIL_CASE(clean_threads_hold_65),
    VIGIL_CASE(clean_threads_hold_129),
    VIGIL_CASE(clean_threads_hold_10000),
    VIGIL_CASE(clean_thread_never_joined),
    VIGIL_CASE(other_thread_unlocks),
    VIGIL_CASE(unheld_thread_unlocks_twice),
    VIGIL_CASE(destroyed_thread_holds),
    VIGIL_CASE(clean_threads_error_checking_mutex),
    VIGIL_CASE(stuck_threads_ring_while_main_runs),
    VIGIL_CASE(stuck_thread_ended_with_the_lock),
    VIGIL_CASE(stuck_join_while_holding_beside_others),
    VIGIL_CASE(stuck_tasks_on_standard_mutexes),
    VIGIL_CASE(cycle_tasks_two),
    VIGIL_CASE(cycle_tasks_three),
    VIGIL_CASE(cycle_tasks_read_and_write),
    VIGIL_CASE(cycle_tasks_read_twice_around_a_writer),
    VIGIL_CASE(clean_tasks_read_twice_without_a_writer),
    VIGIL_CASE(clean_threads_read_twice),
    VIGIL_CASE(cycle_tasks_vigil_and_standard),
    VIGIL_CASE(clean_tasks_gate),
    VIGIL_CASE(clean_tasks_ordered_by_a_channel),
    VIGIL_CASE(clean_tasks_second_by_try),
    VIGIL_CASE(clean_tasks_read_read),
    VIGIL_CASE(clean_tasks_hand_over_a_mutex),
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

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
