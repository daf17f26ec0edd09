// Qt 5's core, whose locks, threads, pools and events are futexes and atomics inside a library that is not
// instrumented: what they order is in order, and its neighbour that is one step wrong is a race.
#include <QCoreApplication>
#include <QMutex>
#include <QReadWriteLock>
#include <QRunnable>
#include <QSemaphore>
#include <QThread>
#include <QThreadPool>
#include <QWaitCondition>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <thread>
#include <utility>
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

// ---- pools ---------------------------------------------------------------------------------------------------------

struct Base {
  virtual ~Base() = default;
  virtual int step() const { return 1; }
};
// The pool's face of it is not its first.
class Job : public Base, public QRunnable {
 public:
  explicit Job(int& value) : value_(value) {}
  ~Job() override { value_ += step(); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  void run() override { value_ += step(); }

 private:
  int& value_;
};
void clean_pool() {
  int values[kTimes] = {};
  int others[kTimes] = {};
  QThreadPool pool;
  for (int i = 0; i < kTimes; ++i) {
    values[i] = i;
    others[i] = i;
    pool.start(new Job(values[i]));
    pool.start([&others, i] { ++others[i]; });
  }
  demand(pool.waitForDone());
  for (int i = 0; i < kTimes; ++i) demand(values[i] == i + 2 && others[i] == i + 1);
}
void clean_job_that_is_kept() {
  int value = 0;
  {
    QThreadPool pool;
    Job job(value);
    job.setAutoDelete(false);
    for (int i = 0; i < kTimes; ++i) {
      ++value;
      pool.start(&job);
      pool.waitForDone();
    }
    demand(dynamic_cast<Base*>(static_cast<QRunnable*>(&job)) == static_cast<Base*>(&job));
  }
  demand(value == 2 * kTimes + 1);
}
void clean_pool_that_ends() {
  int value = 0;
  {
    QThreadPool pool;
    pool.start(new Job(value));
  }
  demand(value == 2);
}
void race_with_a_job() {
  Whistle done;
  int value = 0;
  QThreadPool pool;
  pool.start([&] {
    ++value;
    done.blow();
  });
  done.hear();
  ++value;
}
void race_of_a_job_with_what_came_later() {
  int value = 0;
  QThreadPool pool;
  pool.start([&] { ++value; });
  ++value;
}
void race_two_jobs() {
  std::atomic<int> arrived{0};
  int value = 0;
  QThreadPool pool;
  pool.setMaxThreadCount(2);
  const auto work = [&] {
    arrived.fetch_add(1, std::memory_order_relaxed);
    while (arrived.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
    ++value;
  };
  pool.start(work);
  pool.start(work);
  pool.waitForDone();
}

// ---- events --------------------------------------------------------------------------------------------------------

struct Application {
  int count = 0;
  QCoreApplication its{count, nullptr};
};
// A thread with a loop of its own, and an object that lives there.
class Loop {
 public:
  Loop() {
    object_->moveToThread(&thread_);
    thread_.start();
  }
  ~Loop() {
    object_->deleteLater();
    thread_.quit();
    thread_.wait();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  template <class Call>
  void post(Call&& call) const {
    QMetaObject::invokeMethod(object_, std::forward<Call>(call), Qt::QueuedConnection);
  }
  template <class Call>
  void ask(Call&& call) const {
    QMetaObject::invokeMethod(object_, std::forward<Call>(call), Qt::BlockingQueuedConnection);
  }

 private:
  Application application_;  // Qt demands one
  QObject* const object_ = new QObject;
  QThread thread_;
};
void clean_queued_calls() {
  int values[kTimes] = {};
  {
    const Loop loop;
    Whistle done;
    for (int i = 0; i < kTimes; ++i) {
      values[i] = i;
      loop.post([&values, i] { ++values[i]; });
    }
    loop.post([&] { done.blow(); });
    done.hear();
  }
  for (int i = 0; i < kTimes; ++i) demand(values[i] == i + 1);
}
void clean_blocking_call() {
  int value = 0;
  const Loop loop;
  for (int i = 0; i < kTimes; ++i) {
    ++value;
    loop.ask([&] { ++value; });
  }
  demand(value == 2 * kTimes);
}
void clean_loop_that_another_quits() {
  Application application;
  int value = 0;
  int told = 0;
  std::thread other([&] {
    ++value;
    QMetaObject::invokeMethod(
        &application.its, [&] { told = value; }, Qt::QueuedConnection);
    QMetaObject::invokeMethod(
        &application.its, [] { QCoreApplication::quit(); }, Qt::QueuedConnection);
  });
  QCoreApplication::exec();
  demand(told == 1 && value == 1);
  other.join();
}
void race_with_a_queued_call() {
  Whistle done;
  int value = 0;
  const Loop loop;
  loop.post([&] {
    ++value;
    done.blow();
  });
  done.hear();
  ++value;
}
void race_of_a_queued_call_with_what_came_later() {
  Whistle changed;
  Whistle added;
  int value = 0;
  const Loop loop;
  loop.post([&] {
    changed.hear();
    ++value;
    added.blow();
  });
  ++value;
  changed.blow();
  added.hear();
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
    VIGIL_CASE(clean_pool),
    VIGIL_CASE(clean_job_that_is_kept),
    VIGIL_CASE(clean_pool_that_ends),
    VIGIL_CASE(race_with_a_job),
    VIGIL_CASE(race_of_a_job_with_what_came_later),
    VIGIL_CASE(race_two_jobs),
    VIGIL_CASE(clean_queued_calls),
    VIGIL_CASE(clean_blocking_call),
    VIGIL_CASE(clean_loop_that_another_quits),
    VIGIL_CASE(race_with_a_queued_call),
    VIGIL_CASE(race_of_a_queued_call_with_what_came_later),
};

}  // namespace

int main(int argc, char** argv) { return vigil::test::run_case({kCases}, argc, argv); }
