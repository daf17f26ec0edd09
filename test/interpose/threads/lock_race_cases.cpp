// Two threads and one Traced variable, with one of pthread's or C11's primitives between them.
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/race_cases.hpp"

namespace {

using vigil::test::Whistle;
using Value = vigil::Traced<int>;

template <class Work>
void in_two_threads(const Work& work) {
  std::thread other(work);
  work();
  other.join();
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
  in_two_threads(work);
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
  in_two_threads(work);
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
  in_two_threads(work);
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
  in_two_threads(work);
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
  in_two_threads(work);
}

void clean_call_once() {
  Value value(0);
  std::once_flag flag;
  const auto work = [&] {
    std::call_once(flag, [&] { value = 1; });
    static_cast<void>(value.load());
  };
  in_two_threads(work);
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
  in_two_threads(work);
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

constexpr vigil::test::Case kCases[] = {
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
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_race_cases() { return kCases; }
