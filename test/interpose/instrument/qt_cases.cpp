// Qt 5's core, whose locks and threads are futexes and atomics inside a library that is not instrumented: what
// they order is in order, and its neighbour that is one step wrong is a race.
#include <QMutex>
#include <QReadWriteLock>
#include <QSemaphore>
#include <QThread>
#include <QWaitCondition>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <thread>
#include <vector>

#include "test/interpose/threads/cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::Whistle;

constexpr int kTimes = 300;

void demand(bool holds) {
  if (!holds) std::abort();
}
void together(std::initializer_list<std::function<void()>> all) {
  std::vector<std::thread> threads;
  for (const auto& one : all) threads.emplace_back(one);
  for (std::thread& one : threads) one.join();
}

// ---- locks ---------------------------------------------------------------------------------------------------------

template <class Lock>
void count_under_a_lock() {
  Lock lock;
  int value = 0;
  const auto add = [&] {
    for (int i = 0; i < kTimes; ++i) {
      if (i % 2 == 0 || !lock.tryLock()) lock.lock();
      ++value;
      lock.unlock();
    }
  };
  together({add, add});
  demand(value == 2 * kTimes);
}
void clean_mutex() { count_under_a_lock<QMutex>(); }
void clean_basic_mutex() { count_under_a_lock<QBasicMutex>(); }
void clean_recursive_mutex() {
  QRecursiveMutex lock;
  int value = 0;
  const auto add = [&] {
    for (int i = 0; i < kTimes; ++i) {
      const QMutexLocker outer(&lock);
      const QMutexLocker inner(&lock);
      ++value;
    }
  };
  together({add, add});
}
// A static one, as Qt's own headers have them: locked by the header's functions here, by the library's there.
void clean_mutex_by_both_faces() {
  static QBasicMutex lock;
  int value = 0;
  together({[&] {
              for (int i = 0; i < kTimes; ++i) {
                const QMutexLocker held(&lock);
                ++value;
              }
            },
            [&] {
              for (int i = 0; i < kTimes; ++i) {
                lock.lock();
                ++value;
                lock.unlock();
              }
            }});
}
void race_two_mutexes() {
  QMutex one;
  QMutex other;
  int value = 0;
  const auto add = [&](QMutex& lock) {
    const QMutexLocker held(&lock);
    ++value;
  };
  together({[&] { add(one); }, [&] { add(other); }});
}
void race_after_a_trylock_that_failed() {
  QMutex lock;
  Whistle taken;
  Whistle tried;
  int value = 0;
  together({[&] {
              const QMutexLocker held(&lock);
              ++value;
              taken.blow();
              tried.hear();
            },
            [&] {
              taken.hear();
              demand(!lock.tryLock(1));
              ++value;
              tried.blow();
            }});
}

void clean_read_write_lock() {
  QReadWriteLock lock;
  int value = 0;
  const auto read = [&] {
    for (int i = 0; i < kTimes; ++i) {
      const QReadLocker held(&lock);
      demand(value >= 0);
    }
  };
  const auto write = [&] {
    for (int i = 0; i < kTimes; ++i) {
      const QWriteLocker held(&lock);
      ++value;
    }
  };
  together({read, write, read});
}
// One after the other, but nothing says so.
void race_of_two_readers() {
  QReadWriteLock lock;
  Whistle done;
  int value = 0;
  together({[&] {
              {
                const QReadLocker held(&lock);
                ++value;
              }
              done.blow();
            },
            [&] {
              done.hear();
              const QReadLocker held(&lock);
              ++value;
            }});
}

template <class Lock, class Locker>
void condition(bool writes_under_the_lock) {
  Lock lock;
  QWaitCondition changed;
  bool is_ready = false;
  int value = 0;
  together({[&] {
              const Locker held(&lock);
              while (!is_ready) changed.wait(&lock);
              ++value;
            },
            [&] {
              {
                const Locker held(&lock);
                if (writes_under_the_lock) ++value;
                is_ready = true;
                changed.wakeOne();
              }
              if (!writes_under_the_lock) ++value;
            }});
}
void clean_condition() { condition<QMutex, QMutexLocker>(true); }
void race_after_a_condition() { condition<QMutex, QMutexLocker>(false); }
void clean_condition_of_a_read_write_lock() { condition<QReadWriteLock, QWriteLocker>(true); }
void race_after_a_condition_of_a_read_write_lock() { condition<QReadWriteLock, QWriteLocker>(false); }

void clean_semaphore() {
  constexpr int kPlaces = 4;
  QSemaphore free_places(kPlaces);
  QSemaphore items;
  int buffer[kPlaces] = {};
  together({[&] {
              for (int i = 0; i < kTimes; ++i) {
                free_places.acquire();
                buffer[i % kPlaces] = i;
                items.release();
              }
            },
            [&] {
              for (int i = 0; i < kTimes; ++i) {
                if (!items.tryAcquire(1, 1)) items.acquire();
                demand(buffer[i % kPlaces] == i);
                free_places.release();
              }
            }});
}
void race_after_a_release() {
  QSemaphore done;
  int value = 0;
  together({[&] {
              done.release();
              ++value;
            },
            [&] {
              done.acquire();
              ++value;
            }});
}

// ---- threads -------------------------------------------------------------------------------------------------------

class Adding : public QThread {
 public:
  explicit Adding(int& value) : value_(value) {}
  void run() override {
    ++value_;
    done.blow();
  }
  Whistle done;

 private:
  int& value_;
};
void clean_thread_that_is_waited_for() {
  for (int i = 0; i < kTimes / 10; ++i) {
    int value = 0;
    Adding thread(value);
    thread.start();
    demand(thread.wait());
    ++value;
    thread.start();
    demand(thread.wait() && thread.isFinished());
    demand(value == 3);
  }
}
// Whatever a finished thread does that the library calls: slots and what it deletes.
void clean_last_steps_of_a_thread() {
  int value = 0;
  const std::unique_ptr<QThread> thread(QThread::create([&] { ++value; }));
  QObject::connect(
      thread.get(), &QThread::finished, thread.get(), [&] { ++value; }, Qt::DirectConnection);
  thread->start();
  demand(thread->wait());
  demand(value == 2);
}
void race_with_a_thread_that_runs() {
  int value = 0;
  Adding thread(value);
  thread.start();
  thread.done.hear();
  ++value;
  thread.wait();
}
void race_of_a_thread_with_what_came_later() {
  int value = 0;
  Adding thread(value);
  thread.start();
  ++value;
  thread.wait();
}
void race_of_two_threads() {
  int value = 0;
  Adding one(value);
  Adding other(value);
  one.start();
  one.done.hear();
  other.start();
  one.wait();
  other.wait();
}

constexpr Case kCases[] = {
    VIGIL_CASE(clean_mutex),
    VIGIL_CASE(clean_basic_mutex),
    VIGIL_CASE(clean_recursive_mutex),
    VIGIL_CASE(clean_mutex_by_both_faces),
    VIGIL_CASE(race_two_mutexes),
    VIGIL_CASE(race_after_a_trylock_that_failed),
    VIGIL_CASE(clean_read_write_lock),
    VIGIL_CASE(race_of_two_readers),
    VIGIL_CASE(clean_condition),
    VIGIL_CASE(race_after_a_condition),
    VIGIL_CASE(clean_condition_of_a_read_write_lock),
    VIGIL_CASE(race_after_a_condition_of_a_read_write_lock),
    VIGIL_CASE(clean_semaphore),
    VIGIL_CASE(race_after_a_release),
    VIGIL_CASE(clean_thread_that_is_waited_for),
    VIGIL_CASE(clean_last_steps_of_a_thread),
    VIGIL_CASE(race_with_a_thread_that_runs),
    VIGIL_CASE(race_of_a_thread_with_what_came_later),
    VIGIL_CASE(race_of_two_threads),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
