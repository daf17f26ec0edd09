// What other race detectors lose when a program is large or old: each case makes a known number of races, at the size
// it is given, and everything else it does is in order. limits.py runs them and counts.
//
//   limits CASE N [K]
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "vigil/vigil.hpp"

namespace {

// Static: to free them would be a write, and race with whoever nobody waits for.
constinit std::array<std::uint64_t, 1U << 20U> all_words{};
std::span<std::uint64_t> words_of(std::size_t n) { return std::span(all_words).first(n); }

// Who comes later knows that the others have come, and nothing of what they did: relaxed.
class Count {
 public:
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  void wait_for(std::size_t wanted) const {
    while (count_.load(std::memory_order_relaxed) < wanted) std::this_thread::yield();
  }

 private:
  std::atomic<std::size_t> count_{0};
};

void write_to(std::uint64_t& word) { static_cast<volatile std::uint64_t&>(word) = 1; }
void read_from(const std::uint64_t& word) {
  const std::uint64_t seen = static_cast<const volatile std::uint64_t&>(word);
  asm volatile("" : : "r"(seen));  // NOLINT(hicpp-no-assembler): clang leaves out a read whose value nobody uses
}

// n variables, each written by one early task and read by one late one; k tasks live in between, and work.
void precision(std::size_t n, std::size_t k) {
  const std::span words = words_of(n);
  Count early;
  for (std::uint64_t& word : words) {
    vigil::go([&] {
      write_to(word);
      early.add();
    });
  }
  early.wait_for(n);
  constexpr std::size_t kGroup = 100;  // tasks that share a lock
  struct Shared {
    vigil::Mutex lock;
    std::uint64_t sum = 0;
  };
  std::vector<Shared> shared(k / kGroup + 1);
  const vigil::Channel<vigil::Unit> end(0);
  Count working;
  vigil::WaitGroup gone;
  for (std::size_t i = 0; i < k; ++i) {
    gone.go([&, i] {
      Shared& mine = shared[i / kGroup];
      for (int round = 0; round < 3; ++round) {
        const std::scoped_lock held(mine.lock);
        ++mine.sum;
      }
      working.add();
      end.receive();
    });
  }
  working.wait_for(k);
  Count late;
  for (const std::uint64_t& word : words) {
    vigil::go([&] {
      read_from(word);
      late.add();
    });
  }
  late.wait_for(n);
  end.close();
  gone.wait();
}

// Two threads, the second after the first, and nothing between that says so.
template <class First, class Second>
void one_after_the_other(First&& first, Second&& second) {
  Count came;
  std::thread other([&] {
    first();
    came.add();
  });
  came.wait_for(1);
  second();
  other.join();
}

void own_accesses(std::size_t n, std::size_t /*k*/) {
  std::uint64_t word = 0;
  const std::span others = words_of(100'000);
  one_after_the_other(
      [&] {
        write_to(word);
        for (std::size_t i = 0; i < n; ++i) write_to(others[i % others.size()]);
      },
      [&] { read_from(word); });
}

void own_locks(std::size_t n, std::size_t /*k*/) {
  std::uint64_t word = 0;
  one_after_the_other(
      [&] {
        write_to(word);
        std::mutex lock;
        for (std::size_t i = 0; i < n; ++i) const std::scoped_lock held(lock);
      },
      [&] { read_from(word); });
}

void locks_of_tasks(std::size_t n, std::size_t /*k*/) {
  std::uint64_t word = 0;
  Count came;
  vigil::go([&] {
    write_to(word);
    vigil::Mutex lock;
    for (std::size_t i = 0; i < n; ++i) const std::scoped_lock held(lock);
    came.add();
  });
  came.wait_for(1);
  read_from(word);
}

// By others, while the first of the two does nothing.
void locks_of_others(std::size_t n, std::size_t /*k*/) {
  constexpr std::size_t kThreads = 4;
  std::uint64_t word = 0;
  Count written;
  Count done;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    write_to(word);
    written.add();
    done.wait_for(kThreads);
  });
  written.wait_for(1);
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      std::mutex lock;
      for (std::size_t j = 0; j < n / kThreads; ++j) const std::scoped_lock held(lock);
      done.add();
    });
  }
  done.wait_for(kThreads);
  read_from(word);
  for (std::thread& thread : threads) thread.join();
}

// n words, each read by k who do not know of each other, then written.
void readers(std::size_t n, std::size_t k) {
  const std::span words = words_of(n);
  Count came;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < k; ++i) {
    threads.emplace_back([&] {
      for (const std::uint64_t& word : words) read_from(word);
      came.add();
    });
  }
  came.wait_for(k);
  for (std::uint64_t& word : words) write_to(word);
  for (std::thread& thread : threads) thread.join();
}

// n tasks alive at once, each of which has written a word of its own.
void alive_tasks(std::size_t n, std::size_t /*k*/) {
  const std::span words = words_of(n);
  const vigil::Channel<vigil::Unit> end(0);
  Count came;
  vigil::WaitGroup gone;
  for (std::uint64_t& word : words) {
    gone.go([&] {
      write_to(word);
      came.add();
      end.receive();
    });
  }
  came.wait_for(n);
  for (const std::uint64_t& word : words) read_from(word);
  end.close();
  gone.wait();
}

void alive_threads(std::size_t n, std::size_t /*k*/) {
  const std::span words = words_of(n);
  static Count came;
  static std::atomic<bool> may_end{false};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128U << 10U);
  std::vector<pthread_t> threads(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto run = [](void* word) -> void* {
      write_to(*static_cast<std::uint64_t*>(word));
      came.add();
      may_end.wait(false, std::memory_order_relaxed);
      return nullptr;
    };
    if (pthread_create(&threads[i], &attributes, run, &words[i]) != 0) {
      std::printf("only %zu threads\n", i);
      std::fflush(stdout);
      std::_Exit(1);
    }
  }
  came.wait_for(n);
  for (const std::uint64_t& word : words) read_from(word);
  may_end.store(true, std::memory_order_relaxed);
  may_end.notify_all();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
}

void locks_held(std::size_t n, std::size_t /*k*/) {
  std::uint64_t word = 0;
  one_after_the_other(
      [&] {
        std::vector<std::mutex> locks(n);
        for (std::mutex& lock : locks) lock.lock();
        write_to(word);
        for (std::mutex& lock : locks) lock.unlock();
      },
      [&] { read_from(word); });
}

[[gnu::noinline]] void dive(std::uint64_t& word, std::size_t depth) {  // NOLINT(misc-no-recursion): that is the case
  if (depth == 0) return write_to(word);
  dive(word, depth - 1);
  asm volatile("");  // NOLINT(hicpp-no-assembler): so that the call above is one
}
void deep(std::size_t n, std::size_t /*k*/) {
  static std::uint64_t word = 0;
  static std::size_t depth = 0;
  static Count came;
  depth = n;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * n + (1U << 20U));
  pthread_t other;
  const auto run = [](void*) -> void* {
    dive(word, depth);
    came.add();
    return nullptr;
  };
  if (pthread_create(&other, &attributes, run, nullptr) != 0) std::abort();
  came.wait_for(1);
  read_from(word);
  pthread_join(other, nullptr);
}

std::size_t resident_kib() {
  std::size_t whole = 0;
  std::size_t resident = 0;
  std::FILE* const status = std::fopen("/proc/self/statm", "r");
  if (status == nullptr || std::fscanf(status, "%zu %zu", &whole, &resident) != 2) std::abort();
  std::fclose(status);
  return resident * 4;
}

// No races: n rounds of k tasks that come and go, with blocks that they make, fill, hand on and free, and a map that
// they change under a lock. After each round, a line: the memory in use. churn.py looks whether it grows.
void churn(std::size_t n, std::size_t k) {
  vigil::Mutex lock;
  std::map<std::size_t, std::vector<std::uint64_t>> shared;  // guarded by lock
  for (std::size_t round = 0; round < n; ++round) {
    const vigil::Channel<std::unique_ptr<std::vector<std::uint64_t>>> handed(16);
    vigil::WaitGroup all;
    for (std::size_t i = 0; i < k; ++i) {
      all.go([=, &lock, &shared] {
        auto block = std::make_unique<std::vector<std::uint64_t>>(1 + i % 50, i);
        {
          const std::scoped_lock held(lock);
          shared[i % 100] = *block;
          shared.erase((i + 50) % 100);
        }
        handed.send(std::move(block));
      });
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < k; ++i) {
      auto block = handed.receive();
      for (std::uint64_t& one : **block) sum += one++;
    }
    all.wait();
    if (sum == 0) std::abort();
    std::printf("%zu\n", resident_kib());
    std::fflush(stdout);
  }
}

struct Case {
  const char* name;
  void (*run)(std::size_t n, std::size_t k);
};
constexpr Case kCases[] = {{"precision", precision},
                           {"own_accesses", own_accesses},
                           {"own_locks", own_locks},
                           {"locks_of_tasks", locks_of_tasks},
                           {"locks_of_others", locks_of_others},
                           {"readers", readers},
                           {"alive_tasks", alive_tasks},
                           {"alive_threads", alive_threads},
                           {"locks_held", locks_held},
                           {"deep", deep},
                           {"churn", churn}};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (n == 0) return 2;
  const std::size_t k = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0;
  for (const Case& one : kCases) {
    if (std::strcmp(one.name, argv[1]) != 0) continue;
    one.run(n, k);
    return 0;
  }
  return 2;
}
