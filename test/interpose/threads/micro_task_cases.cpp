// What the micro-suite (micro_suite.py) asks of tasks and lock_task_cases.cpp does not have.
#include <deque>
#include <mutex>
#include <span>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::nest;
using vigil::test::tasks_in_turn;

void cycle_tasks_first_by_try() {
  vigil::Mutex a, b;
  const auto taken_by_try = [](vigil::Mutex& first, vigil::Mutex& second) {
    while (!first.try_lock()) vigil::yield();
    second.lock();
    second.unlock();
    first.unlock();
  };
  tasks_in_turn([&] { taken_by_try(a, b); }, [&] { taken_by_try(b, a); });
}

void clean_tasks_one_alone() {
  vigil::Mutex a, b;
  vigil::WaitGroup over;
  over.go([&] {
    nest(a, b);
    nest(b, a);
  });
  over.wait();
}

void clean_tasks_waited_for_before() {
  vigil::Mutex a, b;
  vigil::WaitGroup first, second;
  first.go([&] { nest(a, b); });
  first.wait();
  second.go([&] { nest(b, a); });
  second.wait();
}

void clean_tasks_mutex_at_a_reused_stack_address() {
  static vigil::Mutex lasting;
  tasks_in_turn(
      [] {
        vigil::Mutex own;
        nest(own, lasting);
      },
      [] {
        vigil::Mutex own;
        nest(lasting, own);
      });
}

template <std::size_t kMany>
void hold_many() {
  vigil::WaitGroup over;
  over.go([] {
    std::deque<vigil::Mutex> locks(kMany);
    for (vigil::Mutex& lock : locks) lock.lock();
    for (vigil::Mutex& lock : locks) lock.unlock();
  });
  over.wait();
}
void clean_tasks_hold_65() { hold_many<65>(); }
void clean_tasks_hold_129() { hold_many<129>(); }

void held_wait_for_a_task_while_holding_its_lock() {
  vigil::Mutex lock;
  const std::lock_guard held(lock);
  vigil::WaitGroup over;
  over.go([&] { const std::lock_guard mine(lock); });
  over.wait();
}

void stuck_main_wants_the_lock_of_an_ended_task() {
  vigil::Mutex lock;
  vigil::WaitGroup over;
  over.go([&] { lock.lock(); });
  over.wait();
  lock.lock();
}

void leak_task_nobody_waits_for() {
  const vigil::Channel<int> parked(0);
  vigil::go([parked] { parked.receive(); });
  vigil::yield();
}

void other_task_unlocks() {
  static vigil::Mutex lock;
  // The first time only makes vigil keep the order that tells this from a hand-over.
  for (int i = 0; i < 2; ++i) tasks_in_turn([] { lock.lock(); }, [] { lock.unlock(); });
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(cycle_tasks_first_by_try),
    VIGIL_CASE(clean_tasks_one_alone),
    VIGIL_CASE(clean_tasks_waited_for_before),
    VIGIL_CASE(clean_tasks_mutex_at_a_reused_stack_address),
    VIGIL_CASE(clean_tasks_hold_65),
    VIGIL_CASE(clean_tasks_hold_129),
    VIGIL_CASE(held_wait_for_a_task_while_holding_its_lock),
    VIGIL_CASE(stuck_main_wants_the_lock_of_an_ended_task),
    VIGIL_CASE(leak_task_nobody_waits_for),
    VIGIL_CASE(other_task_unlocks),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::micro_task_cases() { return kCases; }
