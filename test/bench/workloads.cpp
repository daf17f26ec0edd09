// workloads NAME N: does N units of one known piece of concurrent work on two workers and prints one line,
//   NAME N seconds ns_per_op max_rss_kib check
// seconds is the work alone, ns_per_op is seconds / N, check is the work's result. The result does not depend on the
// schedule, so that whoever measures can also see that the work was done. Written the way a user would write it: no
// workload is arranged around what our scheduler likes. "main" in their descriptions is a task, as it is in Go; with
// WORKLOADS_MAIN=thread in the environment it is the program's first thread, as in most programs in C++.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <vigil/vigil.hpp>

#include "merge.hpp"
#include "workload_main.hpp"

namespace {

using vigil::Channel;
using vigil::Unit;
using vigil::WaitGroup;

constexpr int kWorkers = 2;

// Two tasks, two unbuffered channels; n round trips, the other side adds 1. Result: the sum of what came back.
std::int64_t pingpong(std::int64_t n) {
  Channel<std::int64_t> there(0);
  Channel<std::int64_t> back(0);
  std::int64_t sum = 0;
  WaitGroup both;
  both.add(2);
  vigil::go([&] {
    for (std::int64_t i = 0; i < n; ++i) {
      there.send(i);
      sum += back.receive_or_zero();
    }
    there.close();
    both.done();
  });
  vigil::go([&] {
    for (const std::int64_t value : there) back.send(value + 1);
    both.done();
  });
  both.wait();
  return sum;
}

// One producer, four workers that double, main adds up; both channels hold 128. Result: the sum.
std::int64_t pipeline(std::int64_t n) {
  constexpr int kDoublers = 4;
  Channel<int> numbers(128);
  Channel<int> doubled(128);
  WaitGroup doublers;
  doublers.add(kDoublers);
  vigil::go([=] {
    for (std::int64_t i = 0; i < n; ++i) numbers.send(static_cast<int>(i));
    numbers.close();
  });
  for (int w = 0; w < kDoublers; ++w) {
    vigil::go([&, numbers, doubled] {
      for (const int value : numbers) doubled.send(2 * value);
      doublers.done();
    });
  }
  vigil::go([&, doubled] {
    doublers.wait();
    doubled.close();
  });
  std::int64_t sum = 0;
  for (const int value : doubled) sum += value;
  return sum;
}

// Four senders, each selects between sending its next number and the context's end; main selects over their channels.
// Result: the sum.
std::int64_t select(std::int64_t n) {
  constexpr int kSenders = 4;
  const std::int64_t each = n / kSenders;
  const auto [context, cancel] = vigil::with_cancel(vigil::background());
  std::vector<Channel<std::int64_t>> from;
  WaitGroup senders;
  senders.add(kSenders);
  for (int s = 0; s < kSenders; ++s) {
    from.emplace_back(0);
    vigil::go([&senders, each, to = from.back(), done = context.done()] {
      bool cancelled = false;
      for (std::int64_t k = 0; k < each && !cancelled; ++k) {
        vigil::select(vigil::on_send(to, k, [] {}),
                      vigil::on_receive(done, [&](const std::optional<Unit>&) { cancelled = true; }));
      }
      senders.done();
    });
  }
  std::int64_t sum = 0;
  const auto add = [&](const std::optional<std::int64_t>& value) { sum += value.value_or(0); };
  for (std::int64_t i = 0; i < each * kSenders; ++i) {
    vigil::select(vigil::on_receive(from[0], add), vigil::on_receive(from[1], add), vigil::on_receive(from[2], add),
                  vigil::on_receive(from[3], add));
  }
  cancel();
  senders.wait();
  return sum;
}

// Eight tasks, each n / 8 times: lock, ++ on a plain int, unlock. Result: the count.
std::int64_t mutex(std::int64_t n) {
  constexpr int kTasks = 8;
  vigil::Mutex lock;
  int count = 0;
  WaitGroup tasks;
  tasks.add(kTasks);
  for (int t = 0; t < kTasks; ++t) {
    vigil::go([&] {
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

// n tasks, each writes its slot of a vector and says done. Result: the sum of the slots.
std::int64_t spawn(std::int64_t n) {
  std::vector<std::int64_t> slots(static_cast<std::size_t>(n));
  WaitGroup tasks;
  tasks.add(n);
  for (std::int64_t i = 0; i < n; ++i) {
    vigil::go([&slots, &tasks, i] {
      slots[static_cast<std::size_t>(i)] = i;
      tasks.done();
    });
  }
  tasks.wait();
  std::int64_t sum = 0;
  for (const std::int64_t slot : slots) sum += slot;
  return sum;
}

// n tasks alive at once: each says ready and receives from one channel, which main closes when all are ready; then it
// writes its slot. Result: how many slots were written.
std::int64_t alive(std::int64_t n) {
  std::vector<std::uint8_t> slots(static_cast<std::size_t>(n));
  Channel<Unit> gate(0);
  WaitGroup ready;
  WaitGroup finished;
  ready.add(n);
  finished.add(n);
  for (std::int64_t i = 0; i < n; ++i) {
    vigil::go([&, i] {
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

// The prime sieve: a generator and one filter a prime, a chain of tasks over unbuffered channels. After n primes the
// context is cancelled; the generator closes its channel, each filter then its own, and all tasks end.
// Result: the n-th prime.
std::int64_t sieve(std::int64_t n) {
  const auto [context, cancel] = vigil::with_cancel(vigil::background());
  WaitGroup tasks;
  Channel<int> source(0);
  tasks.add(1);
  vigil::go([&tasks, source, done = context.done()] {
    bool cancelled = false;
    for (int i = 2; !cancelled; ++i) {
      vigil::select(vigil::on_send(source, i, [] {}),
                    vigil::on_receive(done, [&](const std::optional<Unit>&) { cancelled = true; }));
    }
    source.close();
    tasks.done();
  });
  int prime = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    prime = source.receive_or_zero();
    Channel<int> filtered(0);
    tasks.add(1);
    vigil::go([&tasks, source, filtered, prime] {
      for (const int candidate : source) {
        if (candidate % prime != 0) filtered.send(candidate);
      }
      filtered.close();
      tasks.done();
    });
    source = filtered;
  }
  cancel();
  for ([[maybe_unused]] const int left_over : source) {  // what is still on its way keeps the chain from ending
  }
  tasks.wait();
  return prime;
}

// c = a * b for n x n ints, a[i] = i % 7, b[i] = i % 5, by four tasks that take every fourth row. Result: the sum of c.
std::int64_t matmul(std::int64_t n) {
  constexpr std::size_t kTasks = 4;
  const auto size = static_cast<std::size_t>(n);
  std::vector<int> a(size * size);
  std::vector<int> b(size * size);
  std::vector<int> c(size * size);
  for (std::size_t i = 0; i < size * size; ++i) {
    a[i] = static_cast<int>(i % 7);
    b[i] = static_cast<int>(i % 5);
  }
  WaitGroup tasks;
  tasks.add(kTasks);
  for (std::size_t t = 0; t < kTasks; ++t) {
    vigil::go([&, t] {
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
void merge_sort(std::span<int> values, std::span<int> scratch, int splits_left) {
  if (values.size() < 2) return;
  const std::size_t middle = values.size() / 2;
  if (splits_left > 0) {
    WaitGroup left_half;
    left_half.add(1);
    vigil::go([&] {
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

// n ints of a linear congruential sequence, sorted with halves in parallel down to depth 6. Result: the middle one.
std::int64_t mergesort(std::int64_t n) {
  constexpr int kParallelDepth = 6;
  std::vector<int> values = workloads::unsorted(n);
  std::vector<int> scratch(values.size());
  merge_sort(values, scratch, kParallelDepth);
  return values[values.size() / 2];
}

constexpr workloads::Workload kWorkloads[] = {
    {"pingpong", pingpong, 1'000'000'000},
    {"pipeline", pipeline, 1'000'000'000},
    {"select", select, 1'000'000'000},
    {"mutex", mutex, 1'000'000'000},
    {"spawn", spawn, 100'000'000},
    {"alive", alive, 10'000'000},
    {"sieve", sieve, 1'000'000},
    {"matmul", matmul, 10'000},
    {"mergesort", mergesort, 1'000'000'000},
};

bool main_is_a_thread() {
  const char* const wanted = std::getenv("WORKLOADS_MAIN");
  return wanted != nullptr && std::string_view(wanted) == "thread";
}

}  // namespace

int main(int argc, char** argv) {
  vigil::set_max_procs(kWorkers);
  return workloads::workload_main(kWorkloads, {argv + 1, argv + argc},
                                  [](auto work) { return main_is_a_thread() ? work() : vigil::run(work); });
}
