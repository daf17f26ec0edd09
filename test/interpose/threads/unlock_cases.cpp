// A vigil::Mutex has no owner: whoever unlocks it for its taker is told only when nothing orders the unlock after the
// lock.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::Whistle;

void clean_tasks_hand_over_a_mutex() {
  vigil::Mutex lock;
  vigil::Channel<vigil::Unit> yours(0);
  vigil::WaitGroup both;
  for (int i = 0; i < 3; ++i) {
    both.go([&] {
      lock.lock();
      yours.send({});
    });
    both.go([&] {
      yours.receive();
      lock.unlock();
    });
    both.wait();
  }
}

// One task locks, another unlocks, again and again; `tell` and `hear` are how the second learns that it may.
template <class Tell, class Hear>
void unlock_for_another(Tell tell, Hear hear) {
  vigil::Mutex lock;
  for (int i = 0; i < 3; ++i) {
    vigil::WaitGroup both;
    both.go([&] {
      lock.lock();
      tell(i);
    });
    both.go([&] {
      hear(i);
      lock.unlock();
    });
    both.wait();
  }
}

void other_tasks_nothing_orders() {
  const Whistle locked;
  unlock_for_another([&](int) { locked.blow(); }, [&](int) { locked.hear(); });
}

// The same once only: the thread that unlocks began before, and learns by nothing that vigil sees that it may.
class UnlocksOnce {
 public:
  UnlocksOnce() = default;
  UnlocksOnce(const UnlocksOnce&) = delete;
  UnlocksOnce& operator=(const UnlocksOnce&) = delete;
  ~UnlocksOnce() { thread_.join(); }
  vigil::Mutex lock;
  Whistle taken;

 private:
  std::thread thread_{[this] {
    taken.hear();
    lock.unlock();
  }};
};

void other_task_is_done_with_it() {
  UnlocksOnce other;
  vigil::WaitGroup taker;
  taker.go([&] { other.lock.lock(); });
  taker.wait();
  other.taken.blow();
}

void other_task_sleeps_with_it() {
  UnlocksOnce other;
  vigil::WaitGroup taker;
  taker.go([&] {
    other.lock.lock();
    vigil::sleep_for(std::chrono::milliseconds(1));
    other.taken.blow();
  });
  taker.wait();
}

void other_tasks_thread_sleeps_with_it() {
  UnlocksOnce other;
  vigil::WaitGroup taker;
  taker.go([&] {
    other.lock.lock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    other.taken.blow();
  });
  taker.wait();
}

void other_task_waits_for_others_with_it() {
  UnlocksOnce other;
  vigil::WaitGroup before;
  before.go([] {});
  vigil::WaitGroup taker;
  taker.go([&] {
    other.lock.lock();
    before.wait();
    other.taken.blow();
  });
  taker.wait();
}

void clean_task_locks_for_who_waits_for_it() {
  vigil::Mutex lock;
  vigil::WaitGroup taker;
  taker.go([&] { lock.lock(); });
  taker.wait();
  lock.unlock();
}

// It has handed the lock over before it sleeps.
void clean_task_hands_over_and_sleeps() {
  vigil::Mutex lock;
  std::mutex guard;
  std::condition_variable changed;
  bool is_taken = false;
  std::thread unlocker([&] {
    {
      std::unique_lock held(guard);
      changed.wait(held, [&] { return is_taken; });
    }
    lock.unlock();
  });
  vigil::WaitGroup taker;
  taker.go([&] {
    lock.lock();
    {
      const std::lock_guard held(guard);
      is_taken = true;
      changed.notify_one();
    }
    vigil::sleep_for(std::chrono::milliseconds(1));
  });
  unlocker.join();
  taker.wait();
}

void clean_tasks_hand_over_a_mutex_under_another() {
  std::mutex guard;
  int locked = -1;
  unlock_for_another(
      [&](int round) {
        const std::lock_guard held(guard);
        locked = round;
      },
      [&](int round) {
        for (bool mine = false; !mine; vigil::yield()) {
          const std::lock_guard held(guard);
          mine = locked == round;
        }
      });
}

void clean_tasks_hand_over_a_mutex_by_an_atomic() {
  std::atomic<int> locked{-1};
  unlock_for_another([&](int round) { locked = round; },
                     [&](int round) {
                       while (locked != round) vigil::yield();
                     });
}

// A plain store and plain loads: who waits for it looks again and again.
void clean_task_sleeps_and_raises_a_flag() {
  vigil::Mutex lock;
  std::atomic<bool> is_taken{false};
  vigil::WaitGroup both;
  both.go([&] {
    while (!is_taken.load(std::memory_order_acquire)) vigil::yield();
    lock.unlock();
  });
  both.go([&] {
    lock.lock();
    vigil::sleep_for(std::chrono::milliseconds(1));
    is_taken.store(true, std::memory_order_release);
  });
  both.wait();
}

void clean_who_waits_for_the_task_raises_a_flag() {
  vigil::Mutex lock;
  std::atomic<bool> is_taken{false};
  std::thread unlocker([&] {
    while (!is_taken.load(std::memory_order_acquire)) std::this_thread::yield();
    lock.unlock();
  });
  vigil::WaitGroup taker;
  taker.go([&] { lock.lock(); });
  taker.wait();
  is_taken = true;
  unlocker.join();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_tasks_hand_over_a_mutex),
    VIGIL_CASE(other_tasks_nothing_orders),
    VIGIL_CASE(other_task_is_done_with_it),
    VIGIL_CASE(other_task_sleeps_with_it),
    VIGIL_CASE(other_tasks_thread_sleeps_with_it),
    VIGIL_CASE(other_task_waits_for_others_with_it),
    VIGIL_CASE(clean_task_locks_for_who_waits_for_it),
    VIGIL_CASE(clean_task_hands_over_and_sleeps),
    VIGIL_CASE(clean_tasks_hand_over_a_mutex_under_another),
    VIGIL_CASE(clean_tasks_hand_over_a_mutex_by_an_atomic),
    VIGIL_CASE(clean_task_sleeps_and_raises_a_flag),
    VIGIL_CASE(clean_who_waits_for_the_task_raises_a_flag),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::unlock_cases() { return kCases; }
