// Locks of threads: their order, their misuse, and waits that nothing can end. The case's first word says what must be
// found. These use the standard library only; lock_task_cases.cpp has the forms of tasks.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::nest;
using vigil::test::nest_below;
using vigil::test::run_on_until_told;
using vigil::test::threads_in_turn;
using vigil::test::Whistle;

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

// One bug, met with many locks at the same places.
void cycle_threads_many_instances() {
  std::array<std::mutex, 20> a, b;
  threads_in_turn(
      [&] {
        for (std::size_t i = 0; i < a.size(); ++i) nest(a[i], b[i]);
      },
      [&] {
        for (std::size_t i = 0; i < a.size(); ++i) nest(b[i], a[i]);
      });
}

void cycle_threads_below_200_locks() {
  static std::array<std::mutex, 200> around, others;
  static std::mutex a, b;
  threads_in_turn([] { nest_below(around, a, b); }, [] { nest_below(others, b, a); });
}

void clean_threads_below_200_locks_of_which_one_is_a_gate() {
  static std::array<std::mutex, 200> around;
  static std::mutex a, b, gate;
  const auto both = [](std::mutex& outer, std::mutex& inner) {
    const std::lock_guard held(gate);
    nest_below(around, outer, inner);
  };
  threads_in_turn([&] { both(a, b); }, [&] { both(b, a); });
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

void clean_threads_mutex_in_the_start_routine() {
  static pthread_mutex_t lasting = PTHREAD_MUTEX_INITIALIZER;
  // The same, as high on the stack as can be: deeper calls than this one end the thread.
  static std::array<pid_t, 2> ids{};
  static std::array<Whistle, 2> over;
  constexpr auto kOwnFirst = [](void*) -> void* {
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&own);
    pthread_mutex_lock(&lasting);
    pthread_mutex_unlock(&lasting);
    pthread_mutex_unlock(&own);
    ids[0] = gettid();
    over[0].blow();
    return nullptr;
  };
  constexpr auto kOwnLast = [](void*) -> void* {
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lasting);
    pthread_mutex_lock(&own);
    pthread_mutex_unlock(&own);
    pthread_mutex_unlock(&lasting);
    ids[1] = gettid();
    over[1].blow();
    return nullptr;
  };
  for (int i = 0; i < 2; ++i) {
    pthread_t thread{};
    pthread_create(&thread, nullptr, i == 0 ? static_cast<void* (*)(void*)>(kOwnFirst) : kOwnLast, nullptr);
    pthread_detach(thread);
    over[static_cast<std::size_t>(i)].hear();
    // A join would order the two: ask the kernel whether its stack is free.
    while (syscall(SYS_tgkill, getpid(), ids[static_cast<std::size_t>(i)], 0) == 0) sched_yield();
  }
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
  std::thread([&] {
    vigil::test::warm_up();
    lock.unlock();
  }).join();
}

void unheld_thread_unlocks_twice() {
  std::thread([] {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 16; ++i) {  // the last ones are old acquaintances
      pthread_mutex_lock(&lock);
      pthread_mutex_unlock(&lock);
    }
    pthread_mutex_unlock(&lock);
  }).join();
}

void destroyed_thread_holds() {
  std::thread([] {
    vigil::test::warm_up();
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_destroy(&lock);
  }).join();
}

void destroyed_only_thread_holds() {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  pthread_mutex_destroy(&lock);
}

void clean_only_thread_has_unlocked() {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
  pthread_mutex_destroy(&lock);
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
  run_on_until_told();
}

void stuck_thread_ended_with_the_lock() {
  static std::mutex lock;
  std::thread([] { lock.lock(); }).join();
  std::thread([] { const std::lock_guard held(lock); }).detach();
  run_on_until_told();
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
  run_on_until_told();
  std::_Exit(0);  // waiter's destructor would not let it end
}

#ifndef VIGIL_TEST_UNLINKED
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
  run_on_until_told();
}
#endif

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(cycle_threads_two),
    VIGIL_CASE(cycle_threads_three),
    VIGIL_CASE(cycle_threads_first_by_try),
    VIGIL_CASE(cycle_threads_read_and_write),
    VIGIL_CASE(cycle_threads_recursive),
    VIGIL_CASE(cycle_threads_in_loops),
    VIGIL_CASE(cycle_threads_many_instances),
    VIGIL_CASE(cycle_threads_below_200_locks),
    VIGIL_CASE(clean_threads_below_200_locks_of_which_one_is_a_gate),
    VIGIL_CASE(cycle_threads_relock_after_a_condition),
    VIGIL_CASE(clean_threads_gate),
    VIGIL_CASE(clean_threads_one_alone),
    VIGIL_CASE(clean_threads_joined_before),
    VIGIL_CASE(clean_threads_second_by_try),
    VIGIL_CASE(clean_threads_second_timed),
    VIGIL_CASE(clean_threads_scoped_lock),
    VIGIL_CASE(clean_threads_read_read),
    VIGIL_CASE(clean_threads_mutex_at_a_reused_stack_address),
    VIGIL_CASE(clean_threads_mutex_in_the_start_routine),
    VIGIL_CASE(clean_threads_mutex_in_a_reused_block),
    VIGIL_CASE(clean_threads_mutex_initialised_anew),
    VIGIL_CASE(clean_threads_hold_65),
    VIGIL_CASE(clean_threads_hold_129),
    VIGIL_CASE(clean_threads_hold_10000),
    VIGIL_CASE(clean_thread_never_joined),
    VIGIL_CASE(other_thread_unlocks),
    VIGIL_CASE(unheld_thread_unlocks_twice),
    VIGIL_CASE(destroyed_thread_holds),
    VIGIL_CASE(destroyed_only_thread_holds),
    VIGIL_CASE(clean_only_thread_has_unlocked),
    VIGIL_CASE(clean_threads_error_checking_mutex),
    VIGIL_CASE(stuck_threads_ring_while_main_runs),
    VIGIL_CASE(stuck_thread_ended_with_the_lock),
    VIGIL_CASE(stuck_join_while_holding_beside_others),
#ifndef VIGIL_TEST_UNLINKED
    VIGIL_CASE(stuck_tasks_on_standard_mutexes),
#endif
};

}  // namespace

int main(int argc, char** argv) {
#ifdef VIGIL_TEST_UNLINKED
  return vigil::test::run_case(
      {kCases, vigil::test::lock_kind_cases(), vigil::test::last_wait_cases(), vigil::test::in_place_cases()}, argc,
      argv);
#else
  return vigil::test::run_case(
      {kCases, vigil::test::lock_bug_cases(), vigil::test::lock_smell_cases(), vigil::test::unlock_cases(),
       vigil::test::lock_task_cases(), vigil::test::micro_task_cases()},
      argc, argv);
#endif
}
