// oneTBB, by itself and below std::execution::par: what its tasks hand on is in order, and what they share is not.
#include <tbb/cache_aligned_allocator.h>
#include <tbb/concurrent_queue.h>
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_reduce.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <execution>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Case;

constexpr int kItems = 2000;

void demand(bool holds) {
  if (!holds) std::abort();
}

// Two bodies meet here, on two threads, and nothing is ordered by it.
class Crossing {
 public:
  void wait() {
    arrived_.fetch_add(1, std::memory_order_relaxed);
    while (arrived_.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
  }

 private:
  std::atomic<int> arrived_{0};
};

std::vector<int> numbers() {
  std::vector<int> result(kItems);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

void clean_algorithms_in_parallel() {
  std::vector<int> all = numbers();
  std::for_each(std::execution::par, all.begin(), all.end(), [](int& one) { one = one * 7 % kItems; });
  std::sort(std::execution::par, all.begin(), all.end());
  std::vector<int> sums(all.size());
  std::inclusive_scan(std::execution::par, all.begin(), all.end(), sums.begin());
  demand(sums.back() == std::reduce(std::execution::par, all.begin(), all.end()));
}
void clean_loops_with_small_pieces() {
  std::vector<int> all = numbers();
  tbb::parallel_for(
      tbb::blocked_range<int>(0, kItems, 1),
      [&](const auto& range) {
        for (int i = range.begin(); i != range.end(); ++i) ++all[static_cast<std::size_t>(i)];
      },
      tbb::simple_partitioner());
  demand(all.back() == kItems);
}
long fibonacci(int n) {
  if (n < 2) return n;
  long before = 0;
  long two_before = 0;
  tbb::task_group both;
  both.run([&] { before = fibonacci(n - 1); });
  both.run([&] { two_before = fibonacci(n - 2); });
  both.wait();
  return before + two_before;
}
void clean_groups_of_tasks_in_groups() { demand(fibonacci(12) == 144); }
void clean_exception_of_a_body() {
  std::string said;
  try {
    tbb::parallel_for(0, kItems, [&](int i) {
      if (i == kItems / 2) throw std::runtime_error(std::string(100, 'x'));
    });
  } catch (const std::exception& error) {
    said = error.what();
  }
  demand(said.size() == 100);
}
// Of two bodies on two threads one throws: what both did is known to who catches it, and before that to what is
// destroyed on the way.
void throw_after_crossing(std::vector<int>& done) {
  Crossing both;
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, 2, 1),
      [&](const auto& one) {
        done.at(one.begin()) = 1;
        both.wait();
        if (one.begin() == 0) throw std::runtime_error("half of it");
      },
      tbb::simple_partitioner());
}
void clean_after_a_wait_that_throws() {
  std::vector<int> done(2);
  try {
    const std::vector<int> its_own(100);
    throw_after_crossing(done);
  } catch (const std::exception&) {
    done.assign(2, 2);
  }
  demand(done.back() == 2);
}
void clean_after_a_wait_that_throws_in_a_wait() {
  std::vector<int> done(2);
  tbb::task_group outer;
  outer.run([&] { throw_after_crossing(done); });
  try {
    outer.wait();
  } catch (const std::exception&) {
    done.assign(2, 2);
  }
  demand(done.back() == 2);
}
void clean_arenas_of_several_threads() {
  tbb::task_arena arena(2);
  std::vector<std::thread> threads;
  std::array<int, 3> results{};
  threads.reserve(results.size());
  for (int& one : results) {
    threads.emplace_back([&] {
      const std::vector<int> all = numbers();
      one = arena.execute([&] {
        return tbb::parallel_reduce(
            tbb::blocked_range<std::size_t>(0, all.size(), 50), 0,
            [&](const auto& range, int sum) {
              for (std::size_t i = range.begin(); i != range.end(); ++i) sum += all[i] % 2;
              return sum;
            },
            std::plus<>());
      });
    });
  }
  for (std::thread& one : threads) one.join();
  demand(results == std::array<int, 3>{kItems / 2, kItems / 2, kItems / 2});
}
void clean_enqueued_in_an_arena() {
  tbb::task_arena arena(2);
  int value = 1;
  std::atomic<bool> done{false};
  arena.enqueue([&] {
    ++value;
    done = true;
  });
  while (!done) std::this_thread::yield();
  demand(value == 2);
}
void clean_messages_of_a_graph() {
  using namespace tbb::flow;
  graph all;
  std::vector<std::size_t> seen;
  function_node<int, std::string> make(all, unlimited,
                                       [](int length) { return std::string(static_cast<std::size_t>(length), 'x'); });
  function_node<std::string> keep(all, serial, [&](const std::string& text) { seen.push_back(text.size()); });
  make_edge(make, keep);
  for (int i = 0; i < 100; ++i) make.try_put(i);
  all.wait_for_all();
  demand(seen.size() == 100);
}
void clean_memory_that_tasks_use_in_turn() {
  tbb::concurrent_queue<std::vector<int, tbb::cache_aligned_allocator<int>>> queue;
  for (int round = 0; round < 3; ++round) {
    tbb::parallel_for(0, 300, [&](int i) { queue.emplace(static_cast<std::size_t>(i % 10 + 1), i); });
    tbb::parallel_for(0, 300, [&](int) {
      std::vector<int, tbb::cache_aligned_allocator<int>> one;
      if (queue.try_pop(one)) one.push_back(1);
    });
  }
}

void race_of_two_tasks() {
  Crossing both;
  int value = 0;
  tbb::task_group group;
  const auto change = [&] {
    both.wait();
    ++value;
  };
  group.run(change);
  group.run(change);
  group.wait();
}
void race_with_who_has_not_waited_yet() {
  Crossing both;
  int value = 0;
  tbb::task_group group;
  tbb::task_arena arena(2, 0);
  arena.enqueue(group.defer([&] {
    both.wait();
    ++value;
  }));
  both.wait();
  ++value;
  arena.execute([&] { group.wait(); });
}
void race_of_neighbours_in_a_loop() {
  Crossing both;
  int value = 0;
  tbb::parallel_for(
      tbb::blocked_range<int>(0, 2, 1),
      [&](const auto& /*one*/) {
        both.wait();
        ++value;
      },
      tbb::simple_partitioner());
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_algorithms_in_parallel),
    VIGIL_CASE(clean_loops_with_small_pieces),
    VIGIL_CASE(clean_groups_of_tasks_in_groups),
    VIGIL_CASE(clean_exception_of_a_body),
    VIGIL_CASE(clean_after_a_wait_that_throws),
    VIGIL_CASE(clean_after_a_wait_that_throws_in_a_wait),
    VIGIL_CASE(clean_arenas_of_several_threads),
    VIGIL_CASE(clean_enqueued_in_an_arena),
    VIGIL_CASE(clean_messages_of_a_graph),
    VIGIL_CASE(clean_memory_that_tasks_use_in_turn),
    VIGIL_CASE(race_of_two_tasks),
    VIGIL_CASE(race_with_who_has_not_waited_yet),
    VIGIL_CASE(race_of_neighbours_in_a_loop),
};

}  // namespace

int main(int argc, char** argv) {
  // Bodies that wait for each other need two threads, on one processor, too.
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
  return vigil::test::run_case({kCases}, argc, argv);
}
