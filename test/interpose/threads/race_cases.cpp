// The life of a thread and one Traced variable, and tasks beside threads.
#include "test/interpose/threads/race_cases.hpp"

#include <pthread.h>

#include <mutex>
#include <thread>

#include <vigil/vigil.hpp>

namespace {

using vigil::test::Whistle;
using Value = vigil::Traced<int>;

void race_nothing_between() {
  Value value(0);
  Whistle done;
  std::thread other([&] {
    value = 1;
    done.blow();
  });
  done.hear();
  value = 2;
  other.join();
}

void clean_create_and_join() {
  Value value(0);
  value = 1;
  std::thread([&] { value = 2; }).join();
  value = 3;
}

void clean_pthread_exit_and_join() {
  static Value value(0);
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        value = 1;
        pthread_exit(nullptr);
      },
      nullptr);
  pthread_join(other, nullptr);
  value = 2;
}

void clean_cancel_and_join() {
  static Value value(0);
  static Whistle started;
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        value = 1;
        started.blow();
        for (;;) pause();  // where it is cancelled; a whistle is no such place
      },
      nullptr);
  started.hear();
  pthread_cancel(other);
  pthread_join(other, nullptr);
  value = 2;
}

struct AtThreadEnd {
  ~AtThreadEnd() {
    if (value != nullptr) *value = 5;
  }
  Value* value = nullptr;
};

void clean_thread_local_destructor() {
  Value value(0);
  std::thread([&] {
    thread_local AtThreadEnd last;
    last.value = &value;
  }).join();
  value = 6;
}

void clean_key_destructor() {
  static Value value(0);
  pthread_key_t key;
  pthread_key_create(&key, [](void* given) { *static_cast<Value*>(given) = 1; });
  std::thread([&] { pthread_setspecific(key, &value); }).join();
  value = 2;
  pthread_key_delete(key);
}

void race_detached() {
  static Value value(0);
  static Whistle done;
  std::thread([] {
    value = 1;
    done.blow();
  }).detach();
  done.hear();
  value = 2;
}

// ---- between tasks and threads -------------------------------------------------------------------------------------

void clean_channel_between_task_and_thread() {
  Value value(0);
  vigil::Channel<int> ready(0);
  std::thread other([&] {
    value = 1;
    ready.send(1);
  });
  vigil::WaitGroup all;
  all.go([&] {
    ready.receive();
    value = 2;
  });
  all.wait();
  other.join();
  value = 3;
}

void clean_std_mutex_in_tasks() {
  Value value(0);
  std::mutex lock;
  vigil::WaitGroup all;
  for (int i = 0; i < 4; ++i) {
    all.go([&] {
      for (int k = 0; k < 200; ++k) {
        {
          const std::lock_guard held(lock);
          value = value + 1;
        }
        vigil::yield();
      }
    });
  }
  all.wait();
}

void clean_worker_pool_by_channels() {
  Value value(0);
  vigil::Channel<int> turn(1);
  vigil::WaitGroup all;
  for (int i = 0; i < 8; ++i) {
    all.go([&] {
      for (int k = 0; k < 50; ++k) {
        turn.send(1);  // a channel of capacity 1 as a lock
        value = value + 1;
        turn.receive();
      }
    });
  }
  all.wait();
  static_cast<void>(value.load());
}

void race_two_tasks() {
  Value value(0);
  vigil::WaitGroup all;
  for (int i = 0; i < 2; ++i) {
    all.go([&] { value = 1; });
  }
  all.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(race_nothing_between),
    VIGIL_CASE(clean_create_and_join),
    VIGIL_CASE(clean_pthread_exit_and_join),
    VIGIL_CASE(clean_cancel_and_join),
    VIGIL_CASE(clean_thread_local_destructor),
    VIGIL_CASE(clean_key_destructor),
    VIGIL_CASE(race_detached),
    VIGIL_CASE(clean_channel_between_task_and_thread),
    VIGIL_CASE(clean_std_mutex_in_tasks),
    VIGIL_CASE(clean_worker_pool_by_channels),
    VIGIL_CASE(race_two_tasks),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({vigil::test::lock_race_cases(), kCases}, argc, argv); }
