// The work of ../workloads.cpp for libraries that have tasks, queues, a mutex and a condition, whatever they call them.
// Both peers get the same bodies, so that a difference in time is a difference of the libraries.
//
// A Kit offers
//   static void go(F)                 starts f() and keeps no handle to it
//   Mutex, Condition                  as std::mutex and std::condition_variable
//   Channel<T>(capacity)              capacity 0: the tightest hand-over the library has
//     bool send(T)                    false: closed
//     std::optional<T> receive()      nothing: closed and empty
//     void close()
// There is no select: neither peer has one. Where a task has to be stopped, it asks a std::stop_token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "../merge.hpp"

namespace peers {

// Waits until done() was called `count` times. std::latch would block the thread that a fiber runs on.
template <class Kit>
class Latch {
 public:
  explicit Latch(std::int64_t count) : missing_(count) {}
  void done() {
    const std::lock_guard held(lock_);
    // Under the lock: once the waiter has seen 0 it may destroy this.
    if (--missing_ == 0) none_missing_.notify_all();
  }
  void wait() {
    std::unique_lock held(lock_);
    none_missing_.wait(held, [&] { return missing_ == 0; });
  }

 private:
  typename Kit::Mutex lock_;
  typename Kit::Condition none_missing_;
  std::int64_t missing_;
};

template <class Kit>
struct Workloads {
  template <class T>
  using Channel = typename Kit::template Channel<T>;

  static std::int64_t pingpong(std::int64_t n) {
    Channel<std::int64_t> there(0);
    Channel<std::int64_t> back(0);
    std::int64_t sum = 0;
    Latch<Kit> both(2);
    Kit::go([&] {
      for (std::int64_t i = 0; i < n; ++i) {
        there.send(i);
        sum += back.receive().value_or(0);
      }
      there.close();
      both.done();
    });
    Kit::go([&] {
      while (const auto value = there.receive()) back.send(*value + 1);
      both.done();
    });
    both.wait();
    return sum;
  }

  static std::int64_t pipeline(std::int64_t n) {
    constexpr int kDoublers = 4;
    Channel<int> numbers(128);
    Channel<int> doubled(128);
    Latch<Kit> doublers(kDoublers);
    Latch<Kit> all(kDoublers + 2);
    Kit::go([&] {
      for (std::int64_t i = 0; i < n; ++i) numbers.send(static_cast<int>(i));
      numbers.close();
      all.done();
    });
    for (int w = 0; w < kDoublers; ++w) {
      Kit::go([&] {
        while (const auto value = numbers.receive()) doubled.send(2 * *value);
        doublers.done();
        all.done();
      });
    }
    Kit::go([&] {
      doublers.wait();
      doubled.close();
      all.done();
    });
    std::int64_t sum = 0;
    while (const auto value = doubled.receive()) sum += *value;
    all.wait();  // the channels are on this stack
    return sum;
  }

  static std::int64_t mutex(std::int64_t n) {
    constexpr int kTasks = 8;
    typename Kit::Mutex lock;
    int count = 0;
    Latch<Kit> tasks(kTasks);
    for (int t = 0; t < kTasks; ++t) {
      Kit::go([&] {
        for (std::int64_t i = 0; i < n / kTasks; ++i) {
          lock.lock();
          ++count;
          lock.unlock();
        }
        tasks.done();
      });
    }
    tasks.wait();
    return count;
  }

  static std::int64_t spawn(std::int64_t n) {
    std::vector<std::int64_t> slots(static_cast<std::size_t>(n));
    Latch<Kit> tasks(n);
    for (std::int64_t i = 0; i < n; ++i) {
      Kit::go([&slots, &tasks, i] {
        slots[static_cast<std::size_t>(i)] = i;
        tasks.done();
      });
    }
    tasks.wait();
    std::int64_t sum = 0;
    for (const std::int64_t slot : slots) sum += slot;
    return sum;
  }

  static std::int64_t alive(std::int64_t n) {
    std::vector<std::uint8_t> slots(static_cast<std::size_t>(n));
    Channel<int> gate(0);
    Latch<Kit> ready(n);
    Latch<Kit> finished(n);
    for (std::int64_t i = 0; i < n; ++i) {
      Kit::go([&, i] {
        ready.done();
        (void)gate.receive();
        slots[static_cast<std::size_t>(i)] = 1;
        finished.done();
      });
    }
    ready.wait();
    gate.close();
    finished.wait();
    std::int64_t count = 0;
    for (const std::uint8_t slot : slots) count += slot;
    return count;
  }

  // After n primes the generator is told to stop; it closes its channel, each filter then its own, and all tasks end.
  static std::int64_t sieve(std::int64_t n) {
    std::stop_source enough;
    Latch<Kit> tasks(n + 1);
    auto source = std::make_shared<Channel<int>>(0);
    Kit::go([&tasks, source, stop = enough.get_token()] {
      for (int i = 2; !stop.stop_requested(); ++i) source->send(i);
      source->close();
      tasks.done();
    });
    int prime = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      prime = source->receive().value_or(0);
      auto filtered = std::make_shared<Channel<int>>(0);
      Kit::go([&tasks, source, filtered, prime] {
        while (const auto candidate = source->receive()) {
          if (*candidate % prime != 0) filtered->send(*candidate);
        }
        filtered->close();
        tasks.done();
      });
      source = filtered;
    }
    enough.request_stop();
    while (source->receive()) {  // what is still on its way keeps the chain from ending
    }
    tasks.wait();
    return prime;
  }

  static std::int64_t matmul(std::int64_t n) {
    constexpr std::size_t kTasks = 4;
    const auto size = static_cast<std::size_t>(n);
    std::vector<int> a(size * size);
    std::vector<int> b(size * size);
    std::vector<int> c(size * size);
    for (std::size_t i = 0; i < size * size; ++i) {
      a[i] = static_cast<int>(i % 7);
      b[i] = static_cast<int>(i % 5);
    }
    Latch<Kit> tasks(kTasks);
    for (std::size_t t = 0; t < kTasks; ++t) {
      Kit::go([&, t] {
        for (std::size_t row = t; row < size; row += kTasks) {
          for (std::size_t column = 0; column < size; ++column) {
            int sum = 0;
            for (std::size_t k = 0; k < size; ++k) sum += a[row * size + k] * b[k * size + column];
            c[row * size + column] = sum;
          }
        }
        tasks.done();
      });
    }
    tasks.wait();
    std::int64_t sum = 0;
    for (const int value : c) sum += value;
    return sum;
  }

  // Sorts values; a half goes to a task of its own while splits_left lasts.
  static void merge_sort(std::span<int> values, std::span<int> scratch, int splits_left) {
    if (values.size() < 2) return;
    const std::size_t middle = values.size() / 2;
    if (splits_left > 0) {
      Latch<Kit> left_half(1);
      Kit::go([&] {
        merge_sort(values.first(middle), scratch.first(middle), splits_left - 1);
        left_half.done();
      });
      merge_sort(values.subspan(middle), scratch.subspan(middle), splits_left - 1);
      left_half.wait();
    } else {
      merge_sort(values.first(middle), scratch.first(middle), 0);
      merge_sort(values.subspan(middle), scratch.subspan(middle), 0);
    }
    workloads::merge_halves(values, scratch);
  }

  static std::int64_t mergesort(std::int64_t n) {
    constexpr int kParallelDepth = 6;
    std::vector<int> values = workloads::unsorted(n);
    std::vector<int> scratch(values.size());
    merge_sort(values, scratch, kParallelDepth);
    return values[values.size() / 2];
  }
};

}  // namespace peers
