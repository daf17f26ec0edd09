// What the standard library orders by functions of its own that are not instrumented, and in ways that are seldom used.
#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <coroutine>
#include <cstdlib>
#include <future>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <syncstream>
#include <thread>
#include <utility>
#include <vector>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;

constexpr int kThreads = 3;

void demand(bool holds) {
  if (!holds) std::abort();
}

// Changes what it is given when its thread ends.
class AtThreadEnd {
 public:
  AtThreadEnd() = default;
  ~AtThreadEnd() {
    if (changed_ != nullptr) ++*changed_;
  }
  AtThreadEnd(const AtThreadEnd&) = delete;
  AtThreadEnd& operator=(const AtThreadEnd&) = delete;
  void change(long& value) { changed_ = &value; }

 private:
  long* changed_ = nullptr;
};
thread_local AtThreadEnd at_thread_end;

void clean_value_set_at_thread_exit() {
  long value = 0;
  std::promise<long> promise;
  std::future<long> future = promise.get_future();
  std::thread other([&value, kept = std::move(promise)]() mutable {
    at_thread_end.change(value);
    kept.set_value_at_thread_exit(5);
    value = 1;
  });
  demand(future.get() == 5);
  demand(value == 2);
  value = 3;
  other.join();
}
void clean_exception_set_at_thread_exit() {
  for (int round = 0; round < 10; ++round) {
    long value = 0;
    std::promise<std::string> promise;
    std::future<std::string> future = promise.get_future();
    std::thread other([&value, kept = std::move(promise)]() mutable {
      kept.set_exception_at_thread_exit(std::make_exception_ptr(std::runtime_error("a text that is kept elsewhere")));
      value = 1;
    });
    try {
      future.get();
    } catch (const std::runtime_error& error) {
      value += error.what()[0] == 'a' ? 1 : 0;
    }
    demand(value == 2);
    other.join();
  }
}
void clean_task_made_ready_at_thread_exit() {
  long value = 0;
  std::packaged_task<long()> task([&] { return ++value; });
  std::future<long> future = task.get_future();
  std::thread other([&] {
    task.make_ready_at_thread_exit();
    ++value;
  });
  demand(future.get() == 1 && value == 2);
  value = 7;
  other.join();
}
void race_value_set_before_the_thread_ends() {
  long value = 0;
  std::promise<void> promise;
  std::future<void> future = promise.get_future();
  std::thread other([&] {
    at_thread_end.change(value);
    promise.set_value();
  });
  future.get();
  value = 3;
  other.join();
}
void clean_notified_at_thread_exit() {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  long value = 0;
  std::thread([&] {
    std::unique_lock held(mutex);
    value = 1;
    done = true;
    std::notify_all_at_thread_exit(changed, std::move(held));
  }).detach();
  std::unique_lock held(mutex);
  changed.wait(held, [&] { return done; });
  demand(value == 1);
  value = 2;
}

// Each that throws has been, for the next one.
void clean_call_once_that_throws() {
  for (int round = 0; round < 10; ++round) {
    std::once_flag once;
    int attempts = 0;
    long value = 0;
    std::vector<std::jthread> all;
    all.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      all.emplace_back([&] {
        for (bool done = false; !done;) {
          try {
            std::call_once(once, [&] {
              if (++attempts < kThreads) throw int{attempts};
              value = 5;
            });
            done = true;
          } catch (int) {
            continue;
          }
        }
        demand(value == 5);
      });
    }
    all.clear();
    demand(attempts == kThreads);
  }
}
// What it did before, outside.
void race_beside_call_once_that_throws() {
  std::once_flag once;
  long value = 0;
  const auto attempt = [&] {
    try {
      std::call_once(once, [] { throw 1; });
    } catch (int) {
      ++value;
    }
  };
  vigil::test::one_after_the_other(attempt, attempt);
}

void clean_barrier_with_completion() {
  std::array<long, kThreads> parts{};
  long total = 0;
  std::barrier sync(kThreads, [&]() noexcept {
    for (const long part : parts) total += part;
  });
  std::vector<std::jthread> all;
  all.reserve(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    all.emplace_back([&, i] {
      for (long round = 0; round < 5; ++round) {
        parts[i] = round;
        sync.arrive_and_wait();
        demand(total >= 0);
        sync.arrive_and_wait();
      }
    });
  }
}
void clean_waits_that_a_token_stops() {
  std::mutex mutex;
  std::condition_variable_any changed;
  long value = 0;
  long seen = 0;
  std::jthread other([&](const std::stop_token& stopped) {
    std::unique_lock held(mutex);
    while (changed.wait(held, stopped, [&] { return value != seen; })) {
      seen = value;
      changed.notify_all();
    }
  });
  for (long i = 1; i < 10; ++i) {
    std::unique_lock held(mutex);
    value = i;
    changed.notify_all();
    changed.wait(held, [&] { return seen == i; });
  }
  other.request_stop();
  other.join();
  seen = 0;
}
void clean_old_atomics_of_shared_ptr() {
  auto shared = std::make_shared<long>(0);
  std::vector<std::jthread> all;
  all.reserve(kThreads);
  for (long i = 0; i < kThreads; ++i) {
    all.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        std::atomic_store(&shared, std::make_shared<long>(i));
        demand(*std::atomic_load(&shared) >= 0);
      }
    });
  }
}
// A thread that is joined leaves its handle to the next, which may begin, and end, before its joiner goes on.
void clean_threads_join_while_others_begin() {
  constexpr int kMany = 16;
  constexpr int kRounds = 100;
  std::vector<std::jthread> all;
  all.reserve(kMany);
  for (int i = 0; i < kMany; ++i) {
    all.emplace_back([] {
      for (int round = 0; round < kRounds; ++round) {
        auto value = std::make_unique<long>(round);
        std::thread([&] { ++*value; }).join();
        if (*value != round + 1) std::abort();
      }
    });
  }
}
void clean_pool_of_memory() {
  std::pmr::synchronized_pool_resource pool;
  std::vector<std::jthread> all;
  all.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    all.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        std::pmr::vector<std::pmr::string> words(&pool);
        for (int k = 0; k < 10; ++k) words.emplace_back("longer than what lies within the string itself");
      }
    });
  }
}
void clean_synchronized_stream() {
  std::ostringstream out;
  {
    std::vector<std::jthread> all;
    all.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      all.emplace_back([&, i] {
        for (int round = 0; round < 20; ++round) std::osyncstream(out) << i << ' ' << round << '\n';
      });
    }
  }
  demand(!out.str().empty());
}

// A coroutine that goes on in another thread at each step.
class Hops {
 public:
  struct promise_type {
    Hops get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { std::abort(); }
  };
};
class Turns {
 public:
  // The coroutine goes on where run() is.
  auto operator co_await() {
    struct Wait {
      Turns& turns;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> waiting) {
        const std::lock_guard held(turns.mutex_);
        turns.waiting_ = waiting;
        turns.changed_.notify_one();
      }
      void await_resume() {}
    };
    return Wait{*this};
  }
  void run() {
    std::unique_lock held(mutex_);
    changed_.wait(held, [&] { return static_cast<bool>(waiting_); });
    const std::coroutine_handle<> next = std::exchange(waiting_, {});
    held.unlock();
    next.resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::coroutine_handle<> waiting_;
};
Hops hop(std::array<Turns, kThreads>& turns, long& value) {
  std::array<long, kThreads> seen{};
  for (std::size_t i = 0; i < kThreads; ++i) {
    seen[i] = ++value;
    co_await turns[i];
    value += seen[i];
  }
}
void clean_coroutine_handed_on() {
  std::array<Turns, kThreads> turns;
  long value = 0;
  std::vector<std::thread> all;
  all.reserve(kThreads);
  for (Turns& turn : turns) all.emplace_back([&] { turn.run(); });
  hop(turns, value);
  for (std::thread& one : all) one.join();
  demand(value != 0);
}
Hops hop_once(Turns& turn, long& value) {
  co_await turn;
  ++value;
}
void race_coroutine_and_who_began_it() {
  Turns turn;
  long value = 0;
  std::thread other([&] { turn.run(); });
  hop_once(turn, value);
  ++value;
  other.join();
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_value_set_at_thread_exit),
    VIGIL_CASE(clean_exception_set_at_thread_exit),
    VIGIL_CASE(clean_task_made_ready_at_thread_exit),
    VIGIL_CASE(race_value_set_before_the_thread_ends),
    VIGIL_CASE(clean_notified_at_thread_exit),
    VIGIL_CASE(clean_call_once_that_throws),
    VIGIL_CASE(race_beside_call_once_that_throws),
    VIGIL_CASE(clean_barrier_with_completion),
    VIGIL_CASE(clean_waits_that_a_token_stops),
    VIGIL_CASE(clean_old_atomics_of_shared_ptr),
    VIGIL_CASE(clean_threads_join_while_others_begin),
    VIGIL_CASE(clean_pool_of_memory),
    VIGIL_CASE(clean_synchronized_stream),
    VIGIL_CASE(clean_coroutine_handed_on),
    VIGIL_CASE(race_coroutine_and_who_began_it),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::standard_cases() { return kCases; }
