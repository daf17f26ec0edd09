// Every sort of lock that pthread has: cycles, rings, and what is wrong with unlocking and destroying them. The case's
// first word says what must be found. Standard library and pthread only.
#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

using vigil::test::nest;
using vigil::test::run_on_until_told;
using vigil::test::threads_in_turn;
using vigil::test::Whistle;

void demand(int rc) {
  if (rc != 0) std::abort();
}

// What std::lock_guard asks for. kSort: a PTHREAD_MUTEX_*; kRobustness: a PTHREAD_MUTEX_ROBUST or _STALLED.
template <int kSort, int kRobustness = PTHREAD_MUTEX_STALLED, int kProtocol = PTHREAD_PRIO_NONE>
class PthreadMutex {
 public:
  PthreadMutex() {
    pthread_mutexattr_t attributes;
    demand(pthread_mutexattr_init(&attributes));
    demand(pthread_mutexattr_settype(&attributes, kSort));
    demand(pthread_mutexattr_setrobust(&attributes, kRobustness));
    demand(pthread_mutexattr_setprotocol(&attributes, kProtocol));
    demand(pthread_mutex_init(&mutex_, &attributes));
    demand(pthread_mutexattr_destroy(&attributes));
  }
  PthreadMutex(const PthreadMutex&) = delete;
  PthreadMutex& operator=(const PthreadMutex&) = delete;
  ~PthreadMutex() { pthread_mutex_destroy(&mutex_); }
  void lock() { demand(pthread_mutex_lock(&mutex_)); }
  int unlock() { return pthread_mutex_unlock(&mutex_); }
  pthread_mutex_t& native() { return mutex_; }

 private:
  pthread_mutex_t mutex_;
};
using Checking = PthreadMutex<PTHREAD_MUTEX_ERRORCHECK>;
using Adaptive = PthreadMutex<PTHREAD_MUTEX_ADAPTIVE_NP>;
using Recursive = PthreadMutex<PTHREAD_MUTEX_RECURSIVE>;
using Robust = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST>;
using Inheriting = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT>;

template <int kSort>
class PthreadRwLock {
 public:
  PthreadRwLock() {
    pthread_rwlockattr_t attributes;
    demand(pthread_rwlockattr_init(&attributes));
    demand(pthread_rwlockattr_setkind_np(&attributes, kSort));
    demand(pthread_rwlock_init(&lock_, &attributes));
    demand(pthread_rwlockattr_destroy(&attributes));
  }
  PthreadRwLock(const PthreadRwLock&) = delete;
  PthreadRwLock& operator=(const PthreadRwLock&) = delete;
  ~PthreadRwLock() { pthread_rwlock_destroy(&lock_); }
  void lock() { demand(pthread_rwlock_wrlock(&lock_)); }
  void lock_shared() { demand(pthread_rwlock_rdlock(&lock_)); }
  void unlock() { demand(pthread_rwlock_unlock(&lock_)); }

 private:
  pthread_rwlock_t lock_;
};
using ReadersFirst = PthreadRwLock<PTHREAD_RWLOCK_PREFER_READER_NP>;
// glibc takes this for the one before.
using WritersFirstInName = PthreadRwLock<PTHREAD_RWLOCK_PREFER_WRITER_NP>;
using WritersFirst = PthreadRwLock<PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP>;

class SpinLock {
 public:
  SpinLock() { demand(pthread_spin_init(&lock_, PTHREAD_PROCESS_PRIVATE)); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;
  ~SpinLock() { pthread_spin_destroy(&lock_); }
  void lock() { demand(pthread_spin_lock(&lock_)); }
  void unlock() { demand(pthread_spin_unlock(&lock_)); }

 private:
  pthread_spinlock_t lock_;
};

// ---- their order ---------------------------------------------------------------------------------------------------

template <class Lock>
void opposite_orders() {
  Lock a, b;
  threads_in_turn([&] { nest(a, b); }, [&] { nest(b, a); });
}
void cycle_threads_timed() { opposite_orders<std::timed_mutex>(); }
void cycle_threads_error_checking() { opposite_orders<Checking>(); }
void cycle_threads_adaptive() { opposite_orders<Adaptive>(); }
void cycle_threads_recursive_of_pthread() { opposite_orders<Recursive>(); }
void cycle_threads_robust() { opposite_orders<Robust>(); }
void cycle_threads_priority_inheriting() { opposite_orders<Inheriting>(); }
void cycle_threads_readers_first() { opposite_orders<ReadersFirst>(); }
void cycle_threads_writers_first() { opposite_orders<WritersFirst>(); }
void cycle_threads_spin() { opposite_orders<SpinLock>(); }

template <class Lock>
void read_twice_around_a_writer() {
  Lock lock;
  threads_in_turn(
      [&] {
        lock.lock_shared();
        lock.lock_shared();
        lock.unlock();
        lock.unlock();
      },
      [&] { const std::lock_guard write(lock); });
}
void clean_threads_read_twice_where_readers_come_first() { read_twice_around_a_writer<ReadersFirst>(); }
void clean_threads_read_twice_where_writers_come_first_in_name() { read_twice_around_a_writer<WritersFirstInName>(); }
void cycle_threads_read_twice_where_writers_come_first() { read_twice_around_a_writer<WritersFirst>(); }

void clean_threads_ordered_by_once() {
  static std::once_flag made;
  std::mutex a, b;
  threads_in_turn([&] { std::call_once(made, [&] { nest(a, b); }); },
                  [&] {
                    std::call_once(made, [] { std::abort(); });
                    nest(b, a);
                  });
}

// Only the call that runs comes before those that find it done.
void cycle_threads_beside_a_once() {
  static std::once_flag made;
  std::mutex a, b;
  std::call_once(made, [] {});
  threads_in_turn(
      [&] {
        nest(a, b);
        std::call_once(made, [] { std::abort(); });
      },
      [&] {
        std::call_once(made, [] { std::abort(); });
        nest(b, a);
      });
}

// ---- rings ---------------------------------------------------------------------------------------------------------

template <class Lock>
void ring_of_two() {
  static Lock a, b;
  static Whistle a_held, b_held;
  std::thread([] {
    a.lock();
    a_held.blow();
    b_held.hear();
    b.lock();
  }).detach();
  std::thread([] {
    b.lock();
    b_held.blow();
    a_held.hear();
    a.lock();
  }).detach();
  run_on_until_told();
  std::_Exit(0);  // the locks' destructors would speak of them
}
void stuck_threads_timed() { ring_of_two<std::timed_mutex>(); }
void stuck_threads_error_checking() { ring_of_two<Checking>(); }
void stuck_threads_adaptive() { ring_of_two<Adaptive>(); }
void stuck_threads_recursive() { ring_of_two<Recursive>(); }
// Not the robust one: glibc marks it as shared between processes, and another process may be the one that unlocks it.
void stuck_threads_priority_inheriting() { ring_of_two<Inheriting>(); }
void stuck_threads_readers_first() { ring_of_two<ReadersFirst>(); }
void stuck_threads_writers_first() { ring_of_two<WritersFirst>(); }
void stuck_threads_spin() { ring_of_two<SpinLock>(); }

void twice_spin() {
  static SpinLock lock;
  std::thread([] {
    lock.lock();
    lock.lock();
  }).detach();
  run_on_until_told();
  std::_Exit(0);
}

// Each waits long enough for the other to be taken for one who waits; were it shorter, nothing would be told either.
void clean_threads_spin_for_long() {
  static SpinLock lock;
  const auto hold = [] {
    for (int i = 0; i < 5; ++i) {
      const std::lock_guard held(lock);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::thread one(hold), two(hold);
  one.join();
  two.join();
}

// ---- misuse --------------------------------------------------------------------------------------------------------

template <class Lock>
void unlocked_by_another() {
  static Lock lock;
  Whistle held;
  std::thread one([&] {
    lock.lock();
    held.blow();
  });
  std::thread two([&] {
    held.hear();
    lock.unlock();
  });
  one.join();
  two.join();
}
void other_adaptive() { unlocked_by_another<Adaptive>(); }
void other_recursive() { unlocked_by_another<Recursive>(); }
void other_writers_first() { unlocked_by_another<WritersFirst>(); }
// These check it themselves, and whoever asks for that listens.
void clean_other_error_checking() { unlocked_by_another<Checking>(); }
void clean_other_robust() { unlocked_by_another<Robust>(); }

template <class Lock>
void unlocked_unheld() {
  std::thread([] {
    Lock lock;
    lock.lock();
    lock.unlock();
    lock.unlock();
  }).join();
}
void unheld_adaptive() { unlocked_unheld<Adaptive>(); }
void unheld_recursive() { unlocked_unheld<Recursive>(); }
void unheld_writers_first() { unlocked_unheld<WritersFirst>(); }

template <class Lock>
void destroyed_while_held() {
  std::thread([] {
    Lock lock;
    lock.lock();
  }).join();
}
void destroyed_error_checking() { destroyed_while_held<Checking>(); }
void destroyed_adaptive() { destroyed_while_held<Adaptive>(); }
void destroyed_recursive() { destroyed_while_held<Recursive>(); }
void destroyed_writers_first() { destroyed_while_held<WritersFirst>(); }

// ---- taken before there was a second thread ------------------------------------------------------------------------
void cycle_threads_one_taken_alone() {
  std::mutex a, b;
  Whistle over;
  a.lock();
  std::thread other([&] {
    over.hear();
    nest(b, a);
  });
  b.lock();
  b.unlock();
  a.unlock();
  over.blow();
  other.join();
}

void stuck_main_took_one_alone() {
  std::mutex a, b;
  Whistle b_held;
  a.lock();
  std::thread other([&] {
    b.lock();
    b_held.blow();
    a.lock();
  });
  b_held.hear();
  b.lock();
  other.join();
}

void other_thread_unlocks_what_main_locked_alone() {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  std::thread([&] { pthread_mutex_unlock(&lock); }).join();
}

void other_thread_unlocks_what_main_write_locked_alone() {
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  pthread_rwlock_wrlock(&lock);
  std::thread([&] { pthread_rwlock_unlock(&lock); }).join();
}

void clean_main_took_alone_and_gave_back() {
  std::mutex a, b;
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  nest(a, b);
  pthread_rwlock_wrlock(&lock);
  pthread_rwlock_unlock(&lock);
  Whistle over;
  std::thread other([&] {
    over.hear();
    nest(b, a);
    const std::lock_guard held(b);
    pthread_rwlock_wrlock(&lock);
    pthread_rwlock_unlock(&lock);
  });
  b.lock();
  b.unlock();
  over.blow();
  other.join();
  pthread_rwlock_destroy(&lock);
}

// ---- what else unlocks and destroys ---------------------------------------------------------------------------------
constexpr timespec kLongAgo = {.tv_sec = 1, .tv_nsec = 0};

// A wait on a condition that is over at once: it has given the mutex back and taken it again.
int wait_in_vain(pthread_mutex_t& lock) {
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  const int rc = pthread_cond_timedwait(&condition, &lock, &kLongAgo);
  pthread_cond_destroy(&condition);
  return rc;
}

void unheld_wait_without_the_mutex() {
  std::thread([] {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    wait_in_vain(lock);
    pthread_mutex_unlock(&lock);
  }).join();
}

void other_wait_with_anothers_mutex() {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  Whistle locked, over;
  std::thread holder([&] {
    pthread_mutex_lock(&lock);
    locked.blow();
    over.hear();
  });
  std::thread([&] {
    locked.hear();
    wait_in_vain(lock);
    pthread_mutex_unlock(&lock);
  }).join();
  over.blow();
  holder.join();
}

void clean_wait_without_a_mutex_that_says_so() {
  std::thread([] {
    PthreadMutex<PTHREAD_MUTEX_ERRORCHECK> lock;
    if (wait_in_vain(lock.native()) != EPERM) std::abort();
    if (lock.unlock() != EPERM) std::abort();
    lock.lock();
    if (wait_in_vain(lock.native()) != ETIMEDOUT) std::abort();
    lock.unlock();
  }).join();
}

void unheld_spin() {
  std::thread([] {
    pthread_spinlock_t lock;
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
    pthread_spin_unlock(&lock);
    pthread_spin_destroy(&lock);
  }).join();
}

void destroyed_spin() {
  std::thread([] {
    pthread_spinlock_t lock;
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_lock(&lock);
    pthread_spin_destroy(&lock);
  }).join();
}

struct Guarded {
  std::mutex lock;
  int items = 0;
};

void destroyed_with_its_memory() {
  auto* const guarded = new Guarded;
  Whistle locked, over;
  std::thread holder([&] {
    guarded->lock.lock();
    locked.blow();
    over.hear();
  });
  locked.hear();
  delete guarded;
  over.blow();
  holder.join();
}

// Untidy, and harmless.
void clean_freed_by_who_holds_it() {
  std::thread([] {
    auto* const guarded = new Guarded;
    guarded->lock.lock();
    delete guarded;
  }).join();
}

void clean_freed_after_its_holder_ended() {
  auto* const guarded = new Guarded;
  std::thread([&] { guarded->lock.lock(); }).join();
  delete guarded;
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(cycle_threads_timed),
    VIGIL_CASE(cycle_threads_error_checking),
    VIGIL_CASE(cycle_threads_adaptive),
    VIGIL_CASE(cycle_threads_recursive_of_pthread),
    VIGIL_CASE(cycle_threads_robust),
    VIGIL_CASE(cycle_threads_priority_inheriting),
    VIGIL_CASE(cycle_threads_readers_first),
    VIGIL_CASE(cycle_threads_writers_first),
    VIGIL_CASE(cycle_threads_spin),
    VIGIL_CASE(clean_threads_read_twice_where_readers_come_first),
    VIGIL_CASE(clean_threads_read_twice_where_writers_come_first_in_name),
    VIGIL_CASE(cycle_threads_read_twice_where_writers_come_first),
    VIGIL_CASE(clean_threads_ordered_by_once),
    VIGIL_CASE(cycle_threads_beside_a_once),
    VIGIL_CASE(stuck_threads_timed),
    VIGIL_CASE(stuck_threads_error_checking),
    VIGIL_CASE(stuck_threads_adaptive),
    VIGIL_CASE(stuck_threads_recursive),
    VIGIL_CASE(stuck_threads_priority_inheriting),
    VIGIL_CASE(stuck_threads_readers_first),
    VIGIL_CASE(stuck_threads_writers_first),
    VIGIL_CASE(stuck_threads_spin),
    VIGIL_CASE(twice_spin),
    VIGIL_CASE(clean_threads_spin_for_long),
    VIGIL_CASE(other_adaptive),
    VIGIL_CASE(other_recursive),
    VIGIL_CASE(other_writers_first),
    VIGIL_CASE(clean_other_error_checking),
    VIGIL_CASE(clean_other_robust),
    VIGIL_CASE(unheld_adaptive),
    VIGIL_CASE(unheld_recursive),
    VIGIL_CASE(unheld_writers_first),
    VIGIL_CASE(destroyed_error_checking),
    VIGIL_CASE(destroyed_adaptive),
    VIGIL_CASE(destroyed_recursive),
    VIGIL_CASE(destroyed_writers_first),
    VIGIL_CASE(unheld_wait_without_the_mutex),
    VIGIL_CASE(other_wait_with_anothers_mutex),
    VIGIL_CASE(clean_wait_without_a_mutex_that_says_so),
    VIGIL_CASE(unheld_spin),
    VIGIL_CASE(destroyed_spin),
    VIGIL_CASE(destroyed_with_its_memory),
    VIGIL_CASE(clean_freed_by_who_holds_it),
    VIGIL_CASE(clean_freed_after_its_holder_ended),
    VIGIL_CASE(cycle_threads_one_taken_alone),
    VIGIL_CASE(stuck_main_took_one_alone),
    VIGIL_CASE(other_thread_unlocks_what_main_locked_alone),
    VIGIL_CASE(other_thread_unlocks_what_main_write_locked_alone),
    VIGIL_CASE(clean_main_took_alone_and_gave_back),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::lock_kind_cases() { return kCases; }
