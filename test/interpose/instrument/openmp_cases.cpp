// OpenMP as g++ compiles it. libgomp orders its threads by instructions of its own.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

#include "test/interpose/instrument/order_cases.hpp"

#ifdef _OPENMP
#include <omp.h>

namespace {

using vigil::test::Case;

constexpr int kThreads = 3;
constexpr int kItems = 64;

void demand(bool holds) {
  if (!holds) std::abort();
}

void clean_loops_one_after_the_other() {
  std::vector<int> items(kItems);
  long sum = 0;
  for (int round = 0; round < 3; ++round) {
#pragma omp parallel for num_threads(kThreads)
    for (int i = 0; i < kItems; ++i) items[static_cast<std::size_t>(i)] += i;
#pragma omp parallel for num_threads(kThreads) schedule(dynamic) reduction(+ : sum)
    for (int i = 0; i < kItems; ++i) sum += items[static_cast<std::size_t>(kItems - 1 - i)];
#pragma omp parallel for num_threads(kThreads) schedule(guided)
    for (int i = kItems; i > 0; --i) ++items[static_cast<std::size_t>(i - 1)];
#pragma omp parallel for num_threads(kThreads) schedule(runtime)
    for (int i = 0; i < kItems; ++i) ++items[static_cast<std::size_t>(kItems - 1 - i)];
  }
  demand(sum == 3L * kItems * (kItems - 1) + 3L * 2 * kItems);
}
void clean_parts_that_one_runs_at_a_time() {
  int unnamed = 0;
  int named = 0;
  int locked = 0;
  omp_lock_t lock;
  omp_init_lock(&lock);
#pragma omp parallel num_threads(kThreads)
  for (int i = 0; i < 10; ++i) {
#pragma omp critical
    ++unnamed;
#pragma omp critical(counted)
    ++named;
    if (i % 2 == 0) {
      omp_set_lock(&lock);
    } else {
      while (omp_test_lock(&lock) == 0) {
      }
    }
    ++locked;
    omp_unset_lock(&lock);
  }
  omp_destroy_lock(&lock);
  demand(unnamed == 10 * kThreads && named == unnamed && locked == unnamed);
}
void clean_barriers_and_what_one_thread_does() {
  std::array<int, kThreads> of{};
  int shared = 0;
  std::array<int, kThreads> seen{};
#pragma omp parallel num_threads(kThreads)
  {
    const auto self = static_cast<std::size_t>(omp_get_thread_num());
    of[self] = 1;
#pragma omp barrier
    seen[self] = of[(self + 1) % kThreads];
#pragma omp single
    shared = 5;
    seen[self] += shared;
    int given = 0;
#pragma omp single copyprivate(given)
    given = 6;
    seen[self] += given;
#pragma omp for ordered schedule(static, 1)
    for (int i = 0; i < kThreads; ++i) {
#pragma omp ordered
      ++shared;
    }
#pragma omp sections
    {
#pragma omp section
      of[0] = 2;
#pragma omp section
      of[1] = 2;
    }
    seen[self] += of[0];
  }
  for (const int one : seen) demand(one == 1 + 5 + 6 + 2);
}
int fibonacci(int n) {
  if (n < 2) return n;
  int one = 0;
  int two = 0;
#pragma omp task shared(one)
  one = fibonacci(n - 1);
#pragma omp task shared(two)
  two = fibonacci(n - 2);
#pragma omp taskwait
  return one + two;
}
void clean_tasks() {
  int result = 0;
  std::vector<int> first(8, 1);
  std::vector<int> second(8);
  std::array<int, 8> given{};
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
    result = fibonacci(8);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const std::vector<int> copied(4, static_cast<int>(i));
#pragma omp task firstprivate(copied, i) shared(given)
      given[i] = copied[3];
    }
#pragma omp taskgroup
    {
#pragma omp task depend(out : first) shared(first)
      first.assign(8, 2);
#pragma omp task depend(in : first) depend(out : second) shared(first, second)
      second = first;
    }
    demand(second[7] == 2);
  }
  demand(result == 21 && given[7] == 7);
}

void clean_loop_of_tasks() {
  std::vector<int> items(kItems, 1);
  std::vector<int> weights(4, 2);
  long sum = 0;
  unsigned long long most = 0;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
#pragma omp taskloop firstprivate(weights) shared(items) grainsize(3)
    for (int i = 0; i < kItems; ++i) {
      items[static_cast<std::size_t>(i)] += weights[static_cast<std::size_t>(i) % 4];
      weights[0] = 2;
    }
    items[0] += 0;
#pragma omp taskloop reduction(+ : sum) num_tasks(5)
    for (int i = 0; i < kItems; ++i) sum += items[static_cast<std::size_t>(i)];
#pragma omp taskgroup
    {
#pragma omp taskloop nogroup shared(items)
      for (unsigned long long i = 0; i < kItems; ++i) ++items[i];
    }
    most = static_cast<unsigned long long>(items[kItems - 1]);
  }
  demand(sum == 3L * kItems && most == 4);
}
void clean_loop_of_tasks_at_once() {
  std::vector<int> items(kItems, 1);
#pragma omp parallel num_threads(kThreads)
#pragma omp single
#pragma omp taskloop shared(items) if (false)
  for (int i = 0; i < kItems; ++i) ++items[static_cast<std::size_t>(i)];
  demand(items[5] == 2);
}
void clean_region_with_tasks_that_reduce() {
  int sum = 0;
#pragma omp parallel num_threads(kThreads) reduction(task, + : sum)
  {
#pragma omp task in_reduction(+ : sum)
    ++sum;
  }
  demand(sum == kThreads);
}
void race_between_tasks_of_a_loop() {
  int sum = 0;
  vigil::test::Meeting both;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
#pragma omp taskloop shared(sum, both) num_tasks(2)
  for (int i = 0; i < 2; ++i) {
    both.wait();
    ++sum;
  }
  demand(sum > 0);
}
void clean_iterations_that_wait_for_others() {
  std::array<std::array<int, 8>, 8> grid{};
  grid[0].fill(1);
#pragma omp parallel for ordered(2) schedule(static, 1) num_threads(kThreads)
  for (std::size_t i = 1; i < 8; ++i) {
    for (std::size_t j = 0; j < 7; ++j) {
#pragma omp ordered depend(sink : i - 1, j) depend(sink : i - 1, j + 1)
      grid[i][j] = grid[i - 1][j] + grid[i - 1][j + 1];
#pragma omp ordered depend(source)
    }
  }
  demand(grid[1][0] == 2);
  std::array<int, 16> line{};
#pragma omp parallel for ordered(1) schedule(dynamic) num_threads(kThreads)
  for (int i = 1; i < 16; ++i) {
#pragma omp ordered depend(sink : i - 1)
    line[static_cast<std::size_t>(i)] = line[static_cast<std::size_t>(i - 1)] + 1;
#pragma omp ordered depend(source)
  }
  demand(line[15] == 15);
}
void race_iterations_that_wait_for_the_wrong_ones() {
  std::array<int, 17> line{};
#pragma omp parallel for ordered(1) schedule(static, 1) num_threads(2)
  for (int i = 2; i < 16; ++i) {
#pragma omp ordered depend(sink : i - 2)
    line[static_cast<std::size_t>(i)] = line[static_cast<std::size_t>(i - 1)] + 1;
#pragma omp ordered depend(source)
  }
  demand(line[15] >= 0);
}
void clean_task_that_its_event_ends() {
  int value = 0;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
    for (int round = 0; round < 4; ++round) {
      omp_event_handle_t event;
      std::thread other;
#pragma omp task detach(event) shared(value, other)
      other = std::thread([&value, event] {
        ++value;
        omp_fulfill_event(event);
      });
#pragma omp taskwait
      ++value;
      other.join();
    }
  }
  demand(value == 8);
}
void race_beside_who_fulfills_the_event() {
  int value = 0;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
    omp_event_handle_t event;
    std::thread other;
#pragma omp task detach(event) shared(value, other)
    other = std::thread([&value, event] {
      omp_fulfill_event(event);
      ++value;
    });
#pragma omp taskwait
    ++value;
    other.join();
  }
  demand(value > 0);
}
void clean_tasks_waited_for_by_what_they_wrote() {
  int value = 0;
#pragma omp parallel num_threads(kThreads)
#pragma omp single
  {
#pragma omp task depend(out : value) shared(value)
    value = 1;
#pragma omp taskwait depend(in : value)
    ++value;
  }
  demand(value == 2);
}
void clean_region_that_may_be_cancelled() {
  std::array<int, kThreads> of{};
  int sum = 0;
#pragma omp parallel num_threads(kThreads)
  {
    const auto self = static_cast<std::size_t>(omp_get_thread_num());
    of[self] = 1;
#pragma omp barrier
#pragma omp cancel parallel if (of[(self + 1) % kThreads] == 2)
#pragma omp critical
    sum += of[(self + 1) % kThreads];
  }
  demand(sum == kThreads);
}

void race_sum_without_a_reduction() {
  int sum = 0;
#pragma omp parallel num_threads(kThreads)
  ++sum;
  demand(sum > 0);
}
void race_parts_of_two_names() {
  int count = 0;
#pragma omp parallel num_threads(2)
  if (omp_get_thread_num() == 0) {
#pragma omp critical(one)
    ++count;
  } else {
#pragma omp critical(other)
    ++count;
  }
  demand(count > 0);
}
void race_no_wait_behind_the_loop() {
  std::array<int, 2> items{};
  std::array<int, 2> copies{};
#pragma omp parallel num_threads(2)
  {
    const auto self = static_cast<std::size_t>(omp_get_thread_num());
#pragma omp for nowait schedule(static, 1)
    for (int i = 0; i < 2; ++i) items[static_cast<std::size_t>(i)] = i;
    copies[self] = items[1 - self];
  }
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_loops_one_after_the_other),
    VIGIL_CASE(clean_parts_that_one_runs_at_a_time),
    VIGIL_CASE(clean_barriers_and_what_one_thread_does),
    VIGIL_CASE(clean_tasks),
    VIGIL_CASE(clean_loop_of_tasks),
    VIGIL_CASE(clean_loop_of_tasks_at_once),
    VIGIL_CASE(clean_region_with_tasks_that_reduce),
    VIGIL_CASE(race_between_tasks_of_a_loop),
    VIGIL_CASE(clean_iterations_that_wait_for_others),
    VIGIL_CASE(race_iterations_that_wait_for_the_wrong_ones),
    VIGIL_CASE(clean_task_that_its_event_ends),
    VIGIL_CASE(race_beside_who_fulfills_the_event),
    VIGIL_CASE(clean_tasks_waited_for_by_what_they_wrote),
    VIGIL_CASE(clean_region_that_may_be_cancelled),
    VIGIL_CASE(race_sum_without_a_reduction),
    VIGIL_CASE(race_parts_of_two_names),
    VIGIL_CASE(race_no_wait_behind_the_loop),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::openmp_cases() { return kCases; }
#else
std::span<const vigil::test::Case> vigil::test::openmp_cases() { return {}; }
#endif
