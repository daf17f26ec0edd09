// Watched variables that many actors use, always ordered: by std::mutex, std::condition_variable, std::thread's start
// and join, std::call_once, a shared mutex, and vigil's own primitives in mixture. Nothing may be reported.
#include <vigil/vigil.hpp>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace {

using vigil::Traced;

void by_mutex() {
  std::mutex lock;
  Traced<int> value(0);
  vigil::WaitGroup tasks;
  std::vector<std::thread> threads;
  const auto count = [&] {
    for (int i = 0; i < 100; ++i) {
      const std::scoped_lock held(lock);
      ++value;
    }
  };
  threads.reserve(2);
  for (int i = 0; i < 2; ++i) threads.emplace_back(count);
  for (int i = 0; i < 2; ++i) tasks.go(count);
  for (std::thread& thread : threads) thread.join();
  tasks.wait();
  std::printf("mutex %d\n", value.load());
}

void by_condition() {
  std::mutex lock;
  std::condition_variable changed;
  bool ready = false;
  Traced<int> value(0);
  std::thread reader([&] {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return ready; });
    std::printf("condition %d\n", value.load());
  });
  value.store(7);
  {
    const std::scoped_lock held(lock);
    ready = true;
  }
  changed.notify_one();
  reader.join();
}

void by_join() {
  Traced<int> value(1);
  std::thread([&] { value.store(value.load() + 1); }).join();
  std::printf("join %d\n", value.load());
}

void by_call_once() {
  std::once_flag once;
  Traced<int> value(0);
  std::array<std::thread, 3> threads;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      std::call_once(once, [&] { value.store(5); });
      if (value.load() != 5) std::puts("call_once is broken");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::puts("once");
}

void by_shared_mutex() {
  std::shared_mutex lock;
  Traced<int> value(0);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        const std::shared_lock held(lock);
        if (value.load() < 0) std::puts("shared mutex is broken");
      }
    });
  }
  threads.emplace_back([&] {
    for (int k = 0; k < 50; ++k) {
      const std::unique_lock held(lock);
      ++value;
    }
  });
  for (std::thread& thread : threads) thread.join();
  std::printf("shared %d\n", value.load());
}

void by_future() {
  Traced<int> value(0);
  std::future<void> done = std::async(std::launch::async, [&] { value.store(3); });
  done.get();
  std::printf("future %d\n", value.load());
}

void by_channels_between_threads_and_tasks() {
  Traced<int> value(0);
  const vigil::Channel<int> to_thread(0);
  const vigil::Channel<int> to_task(2);
  std::thread thread([&] {
    (void)to_thread.receive();
    value.store(value.load() + 1);
    to_task.send(1);
  });
  vigil::WaitGroup tasks;
  tasks.go([&] {
    value.store(10);
    to_thread.send(1);
    (void)to_task.receive();
    value.store(value.load() + 1);
  });
  tasks.wait();
  std::printf("channels %d\n", value.load());
  thread.join();
}

void by_vigil_mutex() {
  vigil::Mutex lock;
  Traced<int> value(0);
  std::vector<std::thread> threads;
  vigil::WaitGroup tasks;
  const auto count = [&] {
    for (int i = 0; i < 100; ++i) {
      const std::scoped_lock held(lock);
      ++value;
    }
  };
  threads.reserve(2);
  for (int i = 0; i < 2; ++i) threads.emplace_back(count);
  for (int i = 0; i < 2; ++i) tasks.go(count);
  for (std::thread& thread : threads) thread.join();
  tasks.wait();
  std::printf("vigil mutex %d\n", value.load());
}

}  // namespace

int main() {
  by_mutex();
  by_condition();
  by_join();
  by_call_once();
  by_shared_mutex();
  by_future();
  by_channels_between_threads_and_tasks();
  by_vigil_mutex();
}
