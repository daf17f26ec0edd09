// What the standard library builds on atomics, fences and system calls.
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <latch>
#include <locale>
#include <memory>
#include <mutex>
#include <queue>
#include <semaphore>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "test/interpose/instrument/order_cases.hpp"
#include "test/interpose/instrument/string_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::clean_string_read_by_all;
using vigil::test::clean_strings_through_streams_and_exceptions;
using vigil::test::clean_strings_under_a_lock;
using vigil::test::one_after_the_other;
using vigil::test::race_string_appended_to;
using vigil::test::race_string_assigned;
using vigil::test::race_string_measured;
using vigil::test::race_wide_string_erased;

constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

void clean_shared_ptr() {
  for (int round = 0; round < 50; ++round) {
    auto shared = std::make_shared<std::vector<int>>(10, round);
    std::vector<std::thread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([copy = shared] { (void)copy->at(3); });
    }
    shared.reset();
    for (std::thread& one : threads) one.join();
  }
}
void clean_shared_ptr_dropped_by_another() {
  for (int round = 0; round < 50; ++round) {
    auto first = std::make_shared<int>(1);
    auto second = first;
    std::thread other([mine = std::move(second)]() mutable {
      if (*mine != 1) std::abort();
      mine.reset();
    });
    first.reset();  // whoever is last writes the memory by freeing it
    other.join();
  }
}
void clean_atomic_shared_ptr() {
  std::atomic<std::shared_ptr<int>> current(std::make_shared<int>(0));
  std::thread writer([&] {
    for (int i = 1; i < 300; ++i) current.store(std::make_shared<int>(i));
  });
  int last = 0;
  for (int i = 0; i < 300; ++i) {
    const std::shared_ptr<int> now = current.load();
    if (*now < last) std::abort();
    last = *now;
  }
  writer.join();
}
// The copy is looked at, so that the read of the pointer is not left out.
void clean_atomic_shared_ptr_loaded_then_stored() {
  std::atomic<std::shared_ptr<int>> current(std::make_shared<int>(1));
  one_after_the_other(
      [&] {
        if (*current.load() != 1) std::abort();
      },
      [&] { current.store(std::make_shared<int>(2)); });
}
void clean_atomic_shared_ptr_not_exchanged_then_stored() {
  std::atomic<std::shared_ptr<int>> current(std::make_shared<int>(1));
  one_after_the_other(
      [&] {
        std::shared_ptr<int> expected;
        if (current.compare_exchange_strong(expected, std::make_shared<int>(2), std::memory_order_acq_rel,
                                            std::memory_order_relaxed) ||
            *expected != 1)
          std::abort();
      },
      [&] { current.store(std::make_shared<int>(3)); });
}
void clean_atomic_weak_ptr_loaded_then_stored() {
  const auto shared = std::make_shared<int>(1);
  std::atomic<std::weak_ptr<int>> current(shared);
  one_after_the_other(
      [&] {
        if (*current.load().lock() != 1) std::abort();
      },
      [&] { current.store(std::weak_ptr<int>()); });
}
// What it points to is as unguarded as ever, once the copy that was loaded is gone: its count orders what came before.
void race_through_atomic_shared_ptr() {
  std::atomic<std::shared_ptr<int>> current(std::make_shared<int>(1));
  const auto add_one = [&] {
    int* const raw = current.load().get();
    *raw += 1;
  };
  one_after_the_other(add_one, add_one);
}
void clean_weak_ptr() {
  auto shared = std::make_shared<int>(1);
  std::weak_ptr<int> weak = shared;
  std::thread other([weak] {
    if (const auto mine = weak.lock()) (void)*mine;
  });
  shared.reset();
  other.join();
}
void clean_exception_ptr() {
  for (int round = 0; round < 50; ++round) {
    std::exception_ptr thrown;
    std::mutex guard;
    std::thread other([&] {
      try {
        throw std::runtime_error("thrown in round " + std::to_string(round));
      } catch (...) {
        const std::lock_guard held(guard);
        thrown = std::current_exception();
      }
    });
    other.join();
    std::vector<std::thread> readers;
    readers.reserve(3);
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([copy = thrown] {
        try {
          std::rethrow_exception(copy);
        } catch (const std::runtime_error& error) {
          if (std::strlen(error.what()) < 5) std::abort();
        }
      });
    }
    thrown = nullptr;
    for (std::thread& one : readers) one.join();
  }
}
// Read by several, destroyed by whoever is last: the counts lie in the C++ runtime.
struct Ours {
  Ours() = default;
  Ours(const Ours&) = default;
  Ours& operator=(const Ours&) = delete;
  ~Ours() { code = 0; }
  int code = 7;
};
void clean_exception_of_our_own() {
  for (int round = 0; round < 50; ++round) {
    auto thrown = std::make_exception_ptr(Ours());
    if (round % 2 == 0) {
      try {
        throw Ours();
      } catch (...) {
        thrown = std::current_exception();
      }
    }
    std::vector<std::thread> readers;
    readers.reserve(3);
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([copy = thrown]() mutable {
        try {
          std::rethrow_exception(std::move(copy));
        } catch (const Ours& ours) {
          if (ours.code != 7) std::abort();
        }
      });
    }
    thrown = nullptr;
    for (std::thread& one : readers) one.join();
  }
}
void clean_future() {
  std::vector<std::future<std::vector<int>>> all;
  all.reserve(20);
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::async(std::launch::async, [i] { return std::vector<int>(100, i); }));
  }
  int sum = 0;
  for (auto& one : all) sum += one.get().at(99);
  if (sum != 190) std::abort();
}
void clean_future_with_exception() {
  std::promise<int> promise;
  std::future<int> future = promise.get_future();
  std::thread other([&] { promise.set_exception(std::make_exception_ptr(std::runtime_error("no value today"))); });
  try {
    future.get();
  } catch (const std::runtime_error& error) {
    if (std::strlen(error.what()) == 0) std::abort();
  }
  other.join();
}
void clean_packaged_task() {
  std::packaged_task<std::string(int)> task([](int n) { return std::string(100, static_cast<char>('a' + n)); });
  std::future<std::string> result = task.get_future();
  std::thread other(std::move(task), 3);
  if (result.get().at(50) != 'd') std::abort();
  other.join();
}
void clean_latch() {
  std::array<int, 3> data{};
  std::latch done(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      data[i] = 1;
      done.count_down();
    });
  }
  done.wait();
  for (int& one : data) one = 2;
  for (std::thread& one : threads) one.join();
}
void clean_barrier() {
  std::array<int, 3> data{};
  int completed = 0;
  std::barrier step(3, [&]() noexcept { ++completed; });
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (std::size_t round = 0; round < 50; ++round) {
        ++data[(i + round) % 3];
        step.arrive_and_wait();
      }
    });
  }
  for (std::thread& one : threads) one.join();
  if (completed != 50) std::abort();
}
void clean_semaphore() {
  std::counting_semaphore<4> items(0);
  std::binary_semaphore room(1);
  int data = 0;
  std::thread producer([&] {
    for (int i = 1; i <= 300; ++i) {
      room.acquire();
      data = i;
      items.release();
    }
  });
  for (int i = 1; i <= 300; ++i) {
    items.acquire();
    if (data != i) std::abort();
    room.release();
  }
  producer.join();
}
void clean_atomic_wait() {
  std::atomic<int> turn{0};
  int data = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      turn.wait(0, kAcquire);
      ++data;
      turn.store(0, kRelease);
      turn.notify_one();
    }
  });
  for (int i = 0; i < 100; ++i) {
    ++data;
    turn.store(1, kRelease);
    turn.notify_one();
    turn.wait(1, kAcquire);
  }
  other.join();
}
void clean_call_once() {
  std::once_flag flag;
  std::string made;
  const auto work = [&] {
    std::call_once(flag, [&] { made = "once and for all of us"; });
    if (made.empty()) std::abort();
  };
  one_after_the_other(work, work);
}
const std::string& the_static() {
  static const std::string made(40, 's');
  return made;
}
void clean_static_variable() {
  one_after_the_other([] { (void)the_static().at(3); }, [] { (void)the_static().at(3); });
}
void clean_timed_mutex() {
  std::timed_mutex lock;
  int data = 0;
  const auto work = [&] {
    for (int i = 0; i < 300; ++i) {
      while (!lock.try_lock_for(std::chrono::seconds(1))) {
      }
      ++data;
      lock.unlock();
    }
  };
  std::thread other(work);
  work();
  other.join();
}
void clean_shared_timed_mutex() {
  std::shared_timed_mutex lock;
  int data = 0;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      while (!lock.try_lock_for(std::chrono::seconds(1))) {
      }
      ++data;
      lock.unlock();
    }
  });
  int seen = 0;
  for (int i = 0; i < 300; ++i) {
    while (!lock.try_lock_shared_for(std::chrono::seconds(1))) {
    }
    seen = std::max(seen, data);
    lock.unlock_shared();
  }
  writer.join();
}
void clean_condition_variable_any() {
  std::condition_variable_any changed;
  std::shared_mutex lock;
  int data = 0;
  std::thread other([&] {
    std::unique_lock held(lock);
    data = 1;
    changed.notify_all();
  });
  {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return data == 1; });
  }
  other.join();
}
void clean_jthread_and_stop_token() {
  int data = 0;
  std::jthread worker([&](const std::stop_token& stop) {
    std::mutex lock;
    std::condition_variable_any wake;
    std::unique_lock held(lock);
    wake.wait(held, stop, [] { return false; });
    ++data;
  });
  worker.request_stop();
  worker.join();
  if (data != 1) std::abort();
}
void clean_stop_callback() {
  int data = 0;
  std::stop_source source;
  std::thread other([&, token = source.get_token()] {
    const std::stop_callback on_stop(token, [&] { ++data; });
    while (!token.stop_requested()) std::this_thread::yield();
  });
  data = 1;
  source.request_stop();
  other.join();
  if (data == 0) std::abort();
}
void clean_streams_and_locales() {
  const auto work = [] {
    for (int i = 0; i < 50; ++i) {
      std::ostringstream text;
      text.imbue(std::locale::classic());
      text << i << ' ' << 1.5 * i;
      if (text.str().empty()) std::abort();
    }
  };
  std::thread other(work);
  work();
  other.join();
}
// A locale remembers what its ctype said, by code that is compiled with the program and orders nothing (std::regex asks
// for each character).
void clean_characters_of_one_locale() {
  const std::locale own(std::locale::classic(), new std::ctype<char>);
  const auto ask = [&own] {
    const auto& characters = std::use_facet<std::ctype<char>>(own);
    for (char c = 'a'; c <= 'z'; ++c) {
      if (characters.narrow(c, '\0') != c || characters.widen(c) != c) std::abort();
    }
  };
  one_after_the_other(ask, ask);
}
void clean_printing_together() {
  const auto work = [] {
    for (int i = 0; i < 20; ++i) std::cerr << "line " << i << ' ' << 1.5 * i << '\n' << std::flush;
  };
  std::thread other(work);
  work();
  other.join();
}
void clean_pool_of_std_threads() {
  std::mutex lock;
  std::condition_variable more;
  std::queue<std::function<void()>> jobs;
  bool closed = false;
  std::atomic<int> done{0};
  std::vector<std::thread> pool;
  pool.reserve(3);
  for (int i = 0; i < 3; ++i) {
    pool.emplace_back([&] {
      for (;;) {
        std::function<void()> job;
        {
          std::unique_lock held(lock);
          more.wait(held, [&] { return closed || !jobs.empty(); });
          if (jobs.empty()) return;
          job = std::move(jobs.front());
          jobs.pop();
        }
        job();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    auto numbers = std::make_unique<std::vector<int>>(50, i);
    const std::lock_guard held(lock);
    jobs.emplace([&done, raw = std::shared_ptr<std::vector<int>>(std::move(numbers))] { done += raw->front() >= 0; });
    more.notify_one();
  }
  {
    const std::lock_guard held(lock);
    closed = true;
  }
  more.notify_all();
  for (std::thread& one : pool) one.join();
  if (done != 200) std::abort();
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_shared_ptr),
    VIGIL_CASE(clean_shared_ptr_dropped_by_another),
    VIGIL_CASE(clean_atomic_shared_ptr),
    VIGIL_CASE(clean_atomic_shared_ptr_loaded_then_stored),
    VIGIL_CASE(clean_atomic_shared_ptr_not_exchanged_then_stored),
    VIGIL_CASE(clean_atomic_weak_ptr_loaded_then_stored),
    VIGIL_CASE(race_through_atomic_shared_ptr),
    VIGIL_CASE(clean_weak_ptr),
    VIGIL_CASE(clean_exception_ptr),
    VIGIL_CASE(clean_exception_of_our_own),
    VIGIL_CASE(clean_future),
    VIGIL_CASE(clean_future_with_exception),
    VIGIL_CASE(clean_packaged_task),
    VIGIL_CASE(clean_latch),
    VIGIL_CASE(clean_barrier),
    VIGIL_CASE(clean_semaphore),
    VIGIL_CASE(clean_atomic_wait),
    VIGIL_CASE(clean_call_once),
    VIGIL_CASE(clean_static_variable),
    VIGIL_CASE(clean_timed_mutex),
    VIGIL_CASE(clean_shared_timed_mutex),
    VIGIL_CASE(clean_condition_variable_any),
    VIGIL_CASE(clean_jthread_and_stop_token),
    VIGIL_CASE(clean_stop_callback),
    VIGIL_CASE(clean_streams_and_locales),
    VIGIL_CASE(clean_characters_of_one_locale),
    VIGIL_CASE(clean_printing_together),
    VIGIL_CASE(clean_pool_of_std_threads),
    VIGIL_CASE(race_string_appended_to),
    VIGIL_CASE(race_string_assigned),
    VIGIL_CASE(race_string_measured),
    VIGIL_CASE(race_wide_string_erased),
    VIGIL_CASE(clean_strings_under_a_lock),
    VIGIL_CASE(clean_string_read_by_all),
    VIGIL_CASE(clean_strings_through_streams_and_exceptions),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::library_cases() { return kCases; }
