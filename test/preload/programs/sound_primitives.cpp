// Every primitive that is built on the others, used as it is meant. Nothing may be reported.
#include <vigil/vigil.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace {

using vigil::Channel;
using vigil::WaitGroup;
using namespace std::chrono_literals;

int rw_mutex() {
  vigil::RwMutex lock;
  int value = 0;
  std::atomic<int> read{0};
  WaitGroup tasks;
  for (int task = 0; task < 8; ++task) {
    tasks.go([&, task] {
      for (int i = 0; i < 50; ++i) {
        if (task % 4 == 0) {
          const std::scoped_lock held(lock);
          ++value;
        } else {
          const std::shared_lock held(lock);
          read += value >= 0 ? 1 : 0;
        }
      }
    });
  }
  tasks.wait();
  return value + read;
}

int once() {
  vigil::Once first;
  int made = 0;
  WaitGroup tasks;
  for (int task = 0; task < 8; ++task) {
    tasks.go([&] {
      first.call([&] {
        vigil::sleep_for(1ms);
        ++made;
      });
    });
  }
  tasks.wait();
  return made;
}

int cond() {
  vigil::Mutex lock;
  vigil::Cond changed;
  int turn = 0;
  WaitGroup tasks;
  for (int task = 0; task < 4; ++task) {
    tasks.go([&, task] {
      for (int round = 0; round < 10; ++round) {
        std::unique_lock held(lock);
        changed.wait(held, [&] { return turn % 4 == task; });
        ++turn;
        changed.notify_all();
      }
    });
  }
  tasks.wait();
  return turn;
}

int semaphore() {
  vigil::Semaphore seats(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  WaitGroup tasks;
  for (int task = 0; task < 12; ++task) {
    tasks.go([&, ctx = ctx] {
      if (seats.acquire(ctx, 1)) return;
      const int now = ++inside;
      int seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      vigil::yield();
      --inside;
      seats.release(1);
    });
  }
  tasks.wait();
  cancel();
  return most <= 3 ? 1 : 0;
}

int timers() {
  const vigil::Timer timer(1ms);
  (void)timer.channel().receive();
  timer.reset(1h);
  timer.stop();
  const vigil::Ticker ticker(100us);
  for (int tick = 0; tick < 3; ++tick) (void)ticker.channel().receive();
  ticker.stop();
  (void)vigil::after(1ms).receive();
  const Channel<int> called(1);
  vigil::after_func(1ms, [=] { called.send(1); });
  return called.receive_or_zero();
}

int error_group() {
  int failures = 0;
  auto [group, ctx] = vigil::ErrorGroup::with_context(vigil::background());
  for (int task = 0; task < 4; ++task) {
    group.go([task, ctx = ctx] {
      if (task == 2) throw std::runtime_error("task 2");
      (void)ctx.done().receive();
    });
  }
  try {
    group.wait();
  } catch (const std::runtime_error&) {
    ++failures;
  }
  vigil::ErrorGroup limited;
  limited.set_limit(2);
  std::atomic<int> done{0};
  for (int task = 0; task < 6; ++task) limited.go([&] { ++done; });
  limited.wait();
  return failures * 10 + done;
}

int worker_pool() {
  std::atomic<int> done{0};
  std::atomic<int> failed{0};
  {
    vigil::WorkerPool pool({.workers = 3, .queue = 4, .on_failure = [&](const std::exception_ptr&) { ++failed; }});
    for (int job = 0; job < 30; ++job) {
      pool.submit([&, job] {
        if (job % 10 == 9) throw std::runtime_error("job");
        ++done;
      });
    }
    pool.wait();
    std::thread other([&] { pool.submit([&] { ++done; }); });
    other.join();
  }
  return done * 10 + failed;
}

int stop_controller() {
  vigil::StopController stop;
  WaitGroup tasks;
  for (int task = 0; task < 4; ++task) {
    tasks.go([&] { (void)stop.stopped().receive(); });
  }
  stop.stop();
  stop.stop();
  tasks.wait();
  return 4;
}

int safe_receiver() {
  const Channel<int> numbers(2);
  WaitGroup sender;
  sender.go([=] {
    for (int i = 0; i < 10; ++i) numbers.send(i);
    numbers.close();
  });
  int sum = 0;
  const vigil::StopController stop;
  vigil::SafeReceiver<int> receiver(numbers, stop);
  while (const std::optional<int> number = receiver.receive()) sum += *number;
  sender.wait();
  return sum;
}

}  // namespace

int main() {
  std::printf("rw %d\n", rw_mutex());
  std::printf("once %d\n", once());
  std::printf("cond %d\n", cond());
  std::printf("semaphore %d\n", semaphore());
  std::printf("timers %d\n", timers());
  std::printf("group %d\n", error_group());
  std::printf("pool %d\n", worker_pool());
  std::printf("stop %d\n", stop_controller());
  std::printf("safe %d\n", safe_receiver());
}
