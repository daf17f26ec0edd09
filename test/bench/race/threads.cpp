// Programs of plain threads, as race detectors are used to: `threads NAME N` does N units of the named work on std
// primitives alone and prints the line of ../workloads.cpp. Results do not depend on the schedule.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "../workload_main.hpp"

namespace {

constexpr int kThreads = 4;

template <class Body>
void on_threads(int count, Body&& body) {
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int t = 0; t < count; ++t) threads.emplace_back([&body, t] { body(t); });
}

// Four threads lock, ++ a plain number, unlock; n times in all. Result: the number.
std::int64_t counter(std::int64_t n) {
  std::mutex lock;
  std::int64_t count = 0;
  on_threads(kThreads, [&](int) {
    for (std::int64_t i = 0; i < n / kThreads; ++i) {
      const std::lock_guard held(lock);
      ++count;
    }
  });
  return count;
}

// Four threads, each reads and writes its quarter of n numbers, ten times. Result: their sum.
std::int64_t array(std::int64_t n) {
  constexpr int kRounds = 10;
  std::vector<std::int64_t> values(static_cast<std::size_t>(n), 1);
  const auto quarter = static_cast<std::size_t>(n) / kThreads;
  on_threads(kThreads, [&](int t) {
    const std::span<std::int64_t> mine = std::span(values).subspan(static_cast<std::size_t>(t) * quarter, quarter);
    for (int round = 0; round < kRounds; ++round) {
      for (std::int64_t& value : mine) value += round;
    }
  });
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  return sum;
}

// Two producers and two consumers with a queue of 64, a mutex and two conditions; n items. Result: their sum.
std::int64_t queue(std::int64_t n) {
  constexpr std::size_t kRoom = 64;
  std::mutex lock;
  std::condition_variable filled;
  std::condition_variable emptied;
  std::deque<std::int64_t> items;
  std::int64_t taken = 0;
  std::atomic<std::int64_t> sum{0};
  const std::int64_t each = n / 2;
  on_threads(kThreads, [&](int t) {
    if (t % 2 == 0) {
      for (std::int64_t i = 0; i < each; ++i) {
        std::unique_lock held(lock);
        emptied.wait(held, [&] { return items.size() < kRoom; });
        items.push_back(i);
        filled.notify_one();
      }
      return;
    }
    for (;;) {
      std::unique_lock held(lock);
      filled.wait(held, [&] { return !items.empty() || taken == 2 * each; });
      if (items.empty()) return;
      sum += items.front();
      items.pop_front();
      if (++taken == 2 * each) filled.notify_all();
      emptied.notify_one();
    }
  });
  return sum;
}

struct Node {
  std::unique_ptr<Node> left;
  std::unique_ptr<Node> right;
};
std::unique_ptr<Node> grow(int depth) {
  auto node = std::make_unique<Node>();
  if (depth > 0) {
    node->left = grow(depth - 1);
    node->right = grow(depth - 1);
  }
  return node;
}
std::int64_t nodes_of(const Node& node) { return 1 + (node.left ? nodes_of(*node.left) + nodes_of(*node.right) : 0); }

// Four threads grow, count and free trees of 1023 nodes; n nodes in all, about. Result: the nodes counted.
std::int64_t tree(std::int64_t n) {
  constexpr int kDepth = 9;
  constexpr std::int64_t kNodes = (1 << (kDepth + 1)) - 1;
  std::atomic<std::int64_t> nodes{0};
  on_threads(kThreads, [&](int) {
    for (std::int64_t i = 0; i < n / kNodes / kThreads; ++i) nodes += nodes_of(*grow(kDepth));
  });
  return nodes;
}

// Four threads add to one atomic number, and read another; n times in all. Result: the number.
std::int64_t atomics(std::int64_t n) {
  std::atomic<std::int64_t> sum{0};
  std::atomic<std::int64_t> step{1};
  on_threads(kThreads, [&](int) {
    for (std::int64_t i = 0; i < n / kThreads; ++i) sum.fetch_add(step.load(std::memory_order_relaxed));
  });
  return sum;
}

// n threads alive at once, each writes its slot when all are there. Result: how many did.
std::int64_t alive(std::int64_t n) {
  std::vector<std::uint8_t> slots(static_cast<std::size_t>(n));
  std::latch all(n);
  on_threads(static_cast<int>(n), [&](int t) {
    all.arrive_and_wait();
    slots[static_cast<std::size_t>(t)] = 1;
  });
  std::int64_t count = 0;
  for (const std::uint8_t slot : slots) count += slot;
  return count;
}

// n threads, one after the other. Result: how many there were.
std::int64_t spawn(std::int64_t n) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) std::thread([&count] { ++count; }).join();
  return count;
}

constexpr workloads::Workload kWorkloads[] = {
    {"counter", counter, 1'000'000'000}, {"array", array, 100'000'000},       {"queue", queue, 1'000'000'000},
    {"tree", tree, 1'000'000'000},       {"atomics", atomics, 1'000'000'000}, {"alive", alive, 20'000},
    {"spawn", spawn, 1'000'000},
};

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> args(argv, static_cast<std::size_t>(argc));
  return workloads::workload_main(kWorkloads, args.subspan(1), [](auto work) { return work(); });
}
