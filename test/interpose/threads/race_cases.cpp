// Programs for the order that pthread's and C11's primitives make. Each case touches one Traced variable from two
// actors; what lies between them decides whether the shim may call it a race. The case's first word says which: clean
// or race.
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include <vigil/vigil.hpp>

namespace {

using Value = vigil::Traced<int>;

// Lets the other thread go first without ordering anything: a pipe is none of the shim's business.
class Whistle {
 public:
  Whistle() {
    if (pipe(ends_) != 0) std::abort();
  }
  void blow() const {
    if (write(ends_[1], "x", 1) != 1) std::abort();
  }
  void hear() const {
    char c = 0;
    if (read(ends_[0], &c, 1) != 1) std::abort();
  }

 private:
  int ends_[2] = {};
};

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

void clean_mutex() {
  Value value(0);
  std::mutex lock;
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i) {
      const std::lock_guard held(lock);
      value = value + 1;
    }
  };
  std::thread other(work);
  work();
  other.join();
}

void clean_timed_and_try_mutex() {
  Value value(0);
  std::timed_mutex lock;
  const auto work = [&](auto take) {
    for (int i = 0; i < 1000; ++i) {
      take();
      value = value + 1;
      lock.unlock();
    }
  };
  std::thread other(work, [&] {
    while (!lock.try_lock_for(std::chrono::seconds(5))) {
    }
  });
  work([&] {
    while (!lock.try_lock()) std::this_thread::yield();
  });
  other.join();
}

void clean_recursive_mutex() {
  Value value(0);
  std::recursive_mutex lock;
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i) {
      const std::lock_guard outer(lock);
      const std::lock_guard inner(lock);
      value = value + 1;
    }
  };
  std::thread other(work);
  work();
  other.join();
}

void race_two_mutexes() {
  Value value(0);
  std::mutex one;
  std::mutex two;
  Whistle done;
  std::thread other([&] {
    {
      const std::lock_guard held(one);
      value = 1;
    }
    done.blow();
  });
  done.hear();
  {
    const std::lock_guard held(two);
    value = 2;
  }
  other.join();
}

void clean_condition() {
  Value value(0);
  std::mutex lock;
  std::condition_variable ready;
  bool set = false;
  std::thread other([&] {
    value = 1;
    const std::lock_guard held(lock);
    set = true;
    ready.notify_one();
  });
  std::unique_lock held(lock);
  ready.wait(held, [&] { return set; });
  value = 2;
  held.unlock();
  other.join();
}

void clean_condition_with_timeout() {
  Value value(0);
  std::mutex lock;
  std::condition_variable ready;
  bool set = false;
  std::thread other([&] {
    value = 1;
    const std::lock_guard held(lock);
    set = true;
    ready.notify_one();
  });
  std::unique_lock held(lock);
  while (!set) ready.wait_for(held, std::chrono::milliseconds(5));
  value = 2;
  held.unlock();
  other.join();
}

void clean_shared_mutex() {
  Value value(0);
  std::shared_mutex lock;
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) {
      if (i % 4 == 0) {
        const std::lock_guard held(lock);
        value = value + 1;
      } else {
        const std::shared_lock held(lock);
        static_cast<void>(value.load());
      }
    }
  };
  std::thread one(work);
  std::thread two(work);
  one.join();
  two.join();
}

void clean_shared_timed_mutex() {
  Value value(0);
  std::shared_timed_mutex lock;
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) {
      if (i % 4 == 0) {
        if (!lock.try_lock_for(std::chrono::seconds(5))) continue;
        value = value + 1;
        lock.unlock();
      } else {
        if (!lock.try_lock_shared_for(std::chrono::seconds(5))) continue;
        static_cast<void>(value.load());
        lock.unlock_shared();
      }
    }
  };
  std::thread one(work);
  std::thread two(work);
  one.join();
  two.join();
}

void race_write_under_read_lock() {
  Value value(0);
  std::shared_mutex lock;
  Whistle done;
  std::thread other([&] {
    {
      const std::shared_lock held(lock);
      value = 1;
    }
    done.blow();
  });
  done.hear();
  {
    const std::shared_lock held(lock);
    value = 2;
  }
  other.join();
}

void clean_semaphore() {
  Value value(0);
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::thread other([&] {
    value = 1;
    sem_post(&ready);
  });
  sem_wait(&ready);
  value = 2;
  other.join();
  sem_destroy(&ready);
}

void clean_barrier() {
  Value value(0);
  pthread_barrier_t meeting;
  pthread_barrier_init(&meeting, nullptr, 2);
  std::thread other([&] {
    value = 1;
    pthread_barrier_wait(&meeting);
  });
  pthread_barrier_wait(&meeting);
  value = 2;
  other.join();
  pthread_barrier_destroy(&meeting);
}

void clean_spin_lock() {
  Value value(0);
  pthread_spinlock_t lock;
  pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
  const auto work = [&] {
    for (int i = 0; i < 200; ++i) {
      pthread_spin_lock(&lock);
      value = value + 1;
      pthread_spin_unlock(&lock);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

void clean_call_once() {
  Value value(0);
  std::once_flag flag;
  const auto work = [&] {
    std::call_once(flag, [&] { value = 1; });
    static_cast<void>(value.load());
  };
  std::thread one(work);
  std::thread two(work);
  one.join();
  two.join();
}

void clean_call_once_that_throws_first() {
  Value value(0);
  std::once_flag flag;
  int tries = 0;
  const auto work = [&] {
    try {
      std::call_once(flag, [&] {
        if (tries++ == 0) throw 1;
        value = 1;
      });
    } catch (int) {
      std::call_once(flag, [&] { value = 1; });
    }
    static_cast<void>(value.load());
  };
  std::thread one(work);
  std::thread two(work);
  one.join();
  two.join();
}

Value& only_one() {
  static Value value(7);
  return value;
}

void clean_static_variable() {
  // The second thread finds it initialised and calls nothing that could tell.
  Whistle done;
  std::thread one([&] {
    static_cast<void>(only_one().load());
    done.blow();
  });
  std::thread two([&] {
    done.hear();
    static_cast<void>(only_one().load());
  });
  one.join();
  two.join();
}

void clean_c11() {
  static Value value(0);
  static mtx_t lock;
  static cnd_t ready;
  static bool set = false;
  mtx_init(&lock, mtx_plain);
  cnd_init(&ready);
  thrd_t other;
  value = 1;
  thrd_create(
      &other,
      [](void*) {
        value = 2;
        mtx_lock(&lock);
        set = true;
        cnd_signal(&ready);
        mtx_unlock(&lock);
        return 0;
      },
      nullptr);
  mtx_lock(&lock);
  while (!set) cnd_wait(&ready, &lock);  // NOLINT(bugprone-infinite-loop): the other thread sets it
  mtx_unlock(&lock);
  value = 3;
  thrd_join(other, nullptr);
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
  static Whistle never;
  static Whistle started;
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        value = 1;
        started.blow();
        never.hear();
        return nullptr;
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

struct Case {
  const char* name;
  void (*run)();
};
#define VIGIL_CASE(name) \
  Case { #name, name }
constexpr Case kCases[] = {
    VIGIL_CASE(race_nothing_between),
    VIGIL_CASE(clean_create_and_join),
    VIGIL_CASE(clean_mutex),
    VIGIL_CASE(clean_timed_and_try_mutex),
    VIGIL_CASE(clean_recursive_mutex),
    VIGIL_CASE(race_two_mutexes),
    VIGIL_CASE(clean_condition),
    VIGIL_CASE(clean_condition_with_timeout),
    VIGIL_CASE(clean_shared_mutex),
    VIGIL_CASE(clean_shared_timed_mutex),
    VIGIL_CASE(race_write_under_read_lock),
    VIGIL_CASE(clean_semaphore),
    VIGIL_CASE(clean_barrier),
    VIGIL_CASE(clean_spin_lock),
    VIGIL_CASE(clean_call_once),
    VIGIL_CASE(clean_call_once_that_throws_first),
    VIGIL_CASE(clean_static_variable),
    VIGIL_CASE(clean_c11),
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
#undef VIGIL_CASE

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    for (const Case& one : kCases) std::puts(one.name);
    return 0;
  }
  for (const Case& one : kCases) {
    if (std::strcmp(one.name, argv[1]) != 0) continue;
    one.run();
    return 0;
  }
  return 1;
}
