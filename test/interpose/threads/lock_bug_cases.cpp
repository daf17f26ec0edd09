// One bug is one finding, however many callers and locks it has; two bugs are two. "cycles": two must be told.
#include <pthread.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::tasks_in_turn;
using vigil::test::threads_in_turn;

// Calls of these stay on the stack as frames of their own.
#define VIGIL_CALLER [[gnu::noinline]]

// ---- the one inversion of pigz 2.4: a pool of spaces, each with a lock of its own ----------------------------------

struct Gate {
  pthread_mutex_t mutex;
};

Gate* new_gate() {
  auto* const gate = static_cast<Gate*>(std::malloc(sizeof(Gate)));
  if (gate == nullptr || pthread_mutex_init(&gate->mutex, nullptr) != 0) std::abort();
  return gate;
}
VIGIL_CALLER void possess(Gate& gate) {
  if (pthread_mutex_lock(&gate.mutex) != 0) std::abort();
}
VIGIL_CALLER void release(Gate& gate) {
  if (pthread_mutex_unlock(&gate.mutex) != 0) std::abort();
}
void free_gate(Gate* gate) {
  pthread_mutex_destroy(&gate->mutex);
  std::free(gate);
}

struct Space {
  Gate* use = new_gate();
  int users = 0;
};

struct Pool {
  static constexpr std::size_t kSpaces = 7;
  Gate* have = new_gate();
  std::array<Space, kSpaces> spaces;

  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (const Space& space : spaces) free_gate(space.use);
    free_gate(have);
  }
};

VIGIL_CALLER void take_space(Pool& pool, Space& space) {
  possess(*pool.have);
  possess(*space.use);
  ++space.users;
  release(*space.use);
  release(*pool.have);
}
VIGIL_CALLER void drop_space(Pool& pool, Space& space) {
  possess(*space.use);
  possess(*pool.have);
  --space.users;
  release(*pool.have);
  release(*space.use);
}
VIGIL_CALLER void look_through(Pool& pool) {
  for (const Space& space : pool.spaces) {
    possess(*space.use);
    possess(*pool.have);
    release(*pool.have);
    release(*space.use);
  }
}

VIGIL_CALLER void read_input(Pool& input, Pool& lengths) {
  for (Space& space : input.spaces) take_space(input, space);
  for (Space& space : lengths.spaces) take_space(lengths, space);
}
VIGIL_CALLER void prepare_output(Pool& output) {
  for (Space& space : output.spaces) take_space(output, space);
}
VIGIL_CALLER void compress(Pool& input, Pool& lengths) {
  for (Space& space : input.spaces) drop_space(input, space);
  for (Space& space : lengths.spaces) drop_space(lengths, space);
}
VIGIL_CALLER void write_output(Pool& output) {
  for (Space& space : output.spaces) drop_space(output, space);
}

void cycle_threads_through_many_callers() {
  Pool input, output, lengths;
  threads_in_turn(
      [&] {
        read_input(input, lengths);
        prepare_output(output);
      },
      [&] {
        compress(input, lengths);
        write_output(output);
      });
}

void cycles_threads_two_places_against_one() {
  Pool input;
  threads_in_turn([&] { prepare_output(input); },
                  [&] {
                    write_output(input);
                    look_through(input);
                  });
}

// ---- one function takes both, in an order that its arguments decide ------------------------------------------------

template <class Lock>
struct Account {
  Lock lock;
  int cents = 100;
};

template <class Lock>
VIGIL_CALLER void transfer(Account<Lock>& from, Account<Lock>& to) {
  const std::lock_guard take(from.lock);
  const std::lock_guard give(to.lock);
  --from.cents;
  ++to.cents;
}
template <class Lock>
VIGIL_CALLER void pay(std::vector<Account<Lock>>& all) {
  for (std::size_t i = 1; i < all.size(); ++i) transfer(all[i - 1], all[i]);
}
template <class Lock>
VIGIL_CALLER void refund(std::vector<Account<Lock>>& all) {
  for (std::size_t i = 1; i < all.size(); ++i) transfer(all[i], all[i - 1]);
}
template <class Lock>
VIGIL_CALLER void pay_back(std::vector<Account<Lock>>& all) {
  transfer(all.back(), all.front());
  for (std::size_t i = 1; i < all.size(); ++i) transfer(all[i], all[i - 1]);
}

void cycle_threads_one_function_of_many_callers() {
  std::vector<Account<std::mutex>> all(9);
  threads_in_turn([&] { pay(all); },
                  [&] {
                    refund(all);
                    pay_back(all);
                  });
}
void cycle_tasks_one_function_of_many_callers() {
  std::vector<Account<vigil::Mutex>> all(9);
  tasks_in_turn([&] { pay(all); },
                [&] {
                  refund(all);
                  pay_back(all);
                });
}

void cycles_threads_with_nothing_in_common_but_one_function() {
  std::vector<Account<std::mutex>> ours(2), theirs(2);
  threads_in_turn(
      [&] {
        pay(ours);
        refund(theirs);
      },
      [&] {
        refund(ours);
        pay_back(theirs);
        pay(theirs);
      });
}

// ---- a read lock on top of another --------------------------------------------------------------------------------

VIGIL_CALLER void read_both(vigil::RwMutex& lock) {
  const std::shared_lock once(lock);
  const std::shared_lock again(lock);
}
VIGIL_CALLER void count_all(std::array<vigil::RwMutex, 3>& locks) {
  for (vigil::RwMutex& lock : locks) read_both(lock);
}
VIGIL_CALLER void print_all(std::array<vigil::RwMutex, 3>& locks) {
  for (vigil::RwMutex& lock : locks) read_both(lock);
}

void cycle_tasks_read_twice_through_many_callers() {
  std::array<vigil::RwMutex, 3> one, two;
  tasks_in_turn(
      [&] {
        count_all(one);
        print_all(two);
      },
      [&] {
        for (vigil::RwMutex& lock : one) const std::lock_guard write(lock);
        for (vigil::RwMutex& lock : two) const std::lock_guard write(lock);
      });
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(cycle_threads_through_many_callers),
    VIGIL_CASE(cycles_threads_two_places_against_one),
    VIGIL_CASE(cycle_threads_one_function_of_many_callers),
    VIGIL_CASE(cycle_tasks_one_function_of_many_callers),
    VIGIL_CASE(cycles_threads_with_nothing_in_common_but_one_function),
    VIGIL_CASE(cycle_tasks_read_twice_through_many_callers),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_bug_cases() { return kCases; }
