// Programs that hang, or only seem to. The case's first word says which: stuck (the shim must end it with a deadlock),
// held (and say who keeps a lock meanwhile) or moves (it must let it come to its own end).
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/stuck_cases.hpp"

namespace {

using std::chrono::milliseconds;
using vigil::test::Whistle;

// Long enough for the shim to look several times, when it wrongly thinks that it should.
constexpr milliseconds kLong(400);

void stuck_two_mutexes() {
  std::mutex a;
  std::mutex b;
  Whistle a_is_taken;
  Whistle b_is_taken;
  std::thread other([&] {
    const std::lock_guard first(a);
    a_is_taken.blow();
    b_is_taken.hear();
    const std::lock_guard second(b);
  });
  const std::lock_guard first(b);
  b_is_taken.blow();
  a_is_taken.hear();
  const std::lock_guard second(a);
  other.join();
}

void twice_mutex_taken() {
  std::mutex lock;
  std::thread other([&] {
    const std::lock_guard first(lock);
    const std::lock_guard second(lock);
  });
  other.join();
}

void twice_shared_mutex_upgraded() {
  std::shared_mutex lock;
  std::thread other([&] {
    const std::shared_lock first(lock);
    const std::lock_guard second(lock);
  });
  other.join();
}

void again_write_locked_and_read() {
  std::shared_mutex lock;
  std::thread other([&] {
    const std::lock_guard first(lock);
    try {
      const std::shared_lock second(lock);
    } catch (const std::system_error&) {
    }
  });
  other.join();
}

void stuck_join_while_holding() {
  std::mutex lock;
  lock.lock();
  std::thread other([&] { const std::lock_guard held(lock); });
  other.join();
}

void stuck_condition_while_holding_another() {
  std::mutex outer;
  std::mutex inner;
  std::condition_variable ready;
  std::unique_lock first(outer);
  std::thread other([&] {
    const std::lock_guard held(outer);
    ready.notify_one();
  });
  std::unique_lock second(inner);
  ready.wait(second);
  other.join();
}

void stuck_lost_signal() {
  std::mutex lock;
  std::condition_variable ready;
  std::thread([&] { ready.notify_one(); }).join();
  std::unique_lock held(lock);
  ready.wait(held);
}

void stuck_semaphores() {
  sem_t a;
  sem_t b;
  sem_init(&a, 0, 0);
  sem_init(&b, 0, 0);
  std::thread other([&] {
    sem_wait(&a);
    sem_post(&b);
  });
  sem_wait(&b);
  sem_post(&a);
  other.join();
}

void stuck_read_write_locks() {
  std::shared_mutex a;
  std::shared_mutex b;
  Whistle a_is_taken;
  Whistle b_is_taken;
  std::thread other([&] {
    const std::shared_lock first(a);
    a_is_taken.blow();
    b_is_taken.hear();
    const std::lock_guard second(b);
  });
  const std::shared_lock first(b);
  b_is_taken.blow();
  a_is_taken.hear();
  const std::lock_guard second(a);
  other.join();
}

void stuck_barrier() {
  pthread_barrier_t meeting;
  pthread_barrier_init(&meeting, nullptr, 3);
  std::thread other([&] { pthread_barrier_wait(&meeting); });
  pthread_barrier_wait(&meeting);
  other.join();
}

void held_thread_and_task() {
  vigil::Channel<int> channel(0);
  std::mutex lock;
  Whistle taken;
  vigil::go([&] { channel.receive(); });
  std::thread other([&] {
    const std::lock_guard held(lock);
    taken.blow();
    vigil::Channel<int>(0).receive();
  });
  taken.hear();
  const std::lock_guard held(lock);
  channel.send(1);
}

void stuck_tasks_after_main_left() {
  vigil::go([] { vigil::Channel<int>(0).receive(); });
  pthread_exit(nullptr);
}

void stuck_beside_a_daemon() {
  vigil::daemon([] { vigil::Channel<int>(0).receive(); });
  vigil::Channel<int>(0).receive();
}

void stuck_nil_channel_in_main() { vigil::Channel<int>().receive(); }

void moves_sleeping_thread() {
  std::mutex lock;
  lock.lock();
  std::thread waiter([&] { const std::lock_guard held(lock); });
  std::this_thread::sleep_for(kLong);
  lock.unlock();
  waiter.join();
}

void moves_timed_wait() {
  std::mutex lock;
  std::condition_variable ready;
  std::thread waiter([&] {
    std::unique_lock held(lock);
    ready.wait_for(held, kLong);
  });
  waiter.join();
}

void moves_thread_in_a_system_call() {
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::thread other([&] {
    poll(nullptr, 0, static_cast<int>(kLong.count()));
    sem_post(&ready);
  });
  sem_wait(&ready);
  other.join();
}

void moves_sleeping_task() {
  vigil::Channel<int> channel(0);
  vigil::go([channel] {
    vigil::sleep_for(kLong);
    channel.send(1);
  });
  channel.receive();
}

void moves_busy_task() {
  vigil::Channel<int> channel(0);
  vigil::go([channel] {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < end) {
    }
    channel.send(1);
  });
  channel.receive();
}

sem_t woken_by_handler;

void moves_signal_handler() {
  sem_init(&woken_by_handler, 0, 0);
  signal(SIGALRM, [](int) { sem_post(&woken_by_handler); });
  std::thread([] {}).join();
  ualarm(400'000, 0);
  while (sem_wait(&woken_by_handler) != 0) {
  }
}

void moves_signal_waiter() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::thread waiter([&] {
    int number = 0;
    sigwait(&set, &number);
    sem_post(&ready);
  });
  if (fork() == 0) {
    usleep(400'000);
    kill(getppid(), SIGUSR1);
    _exit(0);
  }
  sem_wait(&ready);
  waiter.join();
}

void moves_other_process() {
  void* const memory = mmap(nullptr, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const ready = static_cast<sem_t*>(memory);
  sem_init(ready, 1, 0);
  if (fork() == 0) {
    usleep(400'000);
    sem_post(ready);
    _exit(0);
  }
  std::thread([] {}).join();
  sem_wait(ready);
}

void moves_mutex_shared_between_processes() {
  void* const memory =
      mmap(nullptr, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const lock = static_cast<pthread_mutex_t*>(memory);
  pthread_mutexattr_t shared;
  pthread_mutexattr_init(&shared);
  pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(lock, &shared);
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  if (fork() == 0) {
    pthread_mutex_lock(lock);
    if (write(ends[1], "x", 1) != 1) _exit(1);
    usleep(400'000);
    pthread_mutex_unlock(lock);
    _exit(0);
  }
  std::thread([] {}).join();
  char c = 0;
  if (read(ends[0], &c, 1) != 1) std::abort();
  pthread_mutex_lock(lock);
  pthread_mutex_unlock(lock);
}

void moves_stranger() {
  // A thread that nobody announced: the shim must not judge what it may yet do. Raw futexes, as other runtimes use.
  static std::atomic<int> word{0};
  sem_t ready;
  sem_init(&ready, 0, 0);
  std::thread other([&] {
    syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, nullptr, nullptr, 0);
    sem_post(&ready);
  });
  std::thread third([] {
    usleep(400'000);
    word = 1;
    syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, nullptr, nullptr, 0);
  });
  sem_wait(&ready);
  other.join();
  third.join();
}

void moves_quick_threads() {
  for (int i = 0; i < 2000; ++i) std::thread([] {}).join();
}

void moves_hand_over_between_threads() {
  sem_t a;
  sem_t b;
  sem_init(&a, 0, 0);
  sem_init(&b, 0, 0);
  constexpr int kTurns = 20'000;
  std::thread other([&] {
    for (int i = 0; i < kTurns; ++i) {
      sem_wait(&a);
      sem_post(&b);
    }
  });
  for (int i = 0; i < kTurns; ++i) {
    sem_post(&a);
    sem_wait(&b);
  }
  other.join();
}

void moves_hand_over_between_main_and_tasks() {
  vigil::Channel<int> there(0);
  vigil::Channel<int> back(0);
  vigil::go([there, back] {
    for (const int value : there) back.send(value);
    back.close();
  });
  // A fifth of the turns above: each wakes a thread and a worker, which on a loaded machine takes 1 ms, and what the
  // watcher may mistake (nobody seen to run, twice in a row) is there in every turn.
  for (int i = 0; i < 4'000; ++i) {
    there.send(i);
    back.receive();
  }
  there.close();
  back.receive();
}

void moves_cancelled_condition_wait() {
  static std::mutex lock;
  static std::condition_variable never;
  static Whistle taken;
  pthread_t waiter;
  pthread_create(
      &waiter, nullptr,
      [](void*) -> void* {
        pthread_cleanup_push([](void*) { usleep(400'000); }, nullptr);
        std::unique_lock held(lock);
        taken.blow();
        never.wait(held);
        pthread_cleanup_pop(0);
        return nullptr;
      },
      nullptr);
  taken.hear();
  { const std::lock_guard waits(lock); }  // the wait gave it back
  pthread_cancel(waiter);
  pthread_join(waiter, nullptr);
}

void held_standard_mutex_across_a_send() {
  std::mutex lock;
  Whistle taken;
  const vigil::Channel<int> items(0);
  vigil::go([&] {
    const std::lock_guard held(lock);
    taken.blow();
    items.send(1);
  });
  std::thread([&] {
    taken.hear();
    const std::lock_guard held(lock);
    items.receive();
  }).join();
}

void unheld_before_there_are_threads() {
  static std::mutex lock;
  lock.lock();
  lock.unlock();
  lock.unlock();
}

// Calls of tasks on helper threads.
void stuck_blocking_calls_lock_crosswise() {
  static std::mutex one;
  static std::mutex other;
  static std::latch both(2);
  const auto take = [](std::mutex& first, std::mutex& second) {
    vigil::blocking([&] {
      const std::scoped_lock held(first);
      both.arrive_and_wait();
      const std::scoped_lock wanted(second);
    });
  };
  vigil::go([take] { take(one, other); });
  take(other, one);
}
void stuck_blocking_call_wants_what_its_task_holds() {
  static std::mutex lock;
  vigil::WaitGroup over;
  over.go([] {
    const std::scoped_lock held(lock);
    vigil::blocking([] { const std::scoped_lock wanted(lock); });
  });
  over.wait();
}
void stuck_blocking_call_receives_what_nobody_sends() {
  vigil::WaitGroup over;
  over.go([never = vigil::Channel<int>(0)] { vigil::blocking([&] { (void)never.receive(); }); });
  over.wait();
}
void moves_blocking_call_reads_what_comes_later() {
  int ends[2];
  if (pipe(ends) != 0) return;
  vigil::WaitGroup over;
  over.go([from = ends[0]] {
    char byte = 0;
    vigil::blocking([&] { return read(from, &byte, 1); });
  });
  std::thread([to = ends[1]] {
    usleep(300'000);  // longer than the watch needs to make up its mind
    static_cast<void>(write(to, "x", 1));
  }).detach();
  over.wait();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(held_standard_mutex_across_a_send),
    VIGIL_CASE(unheld_before_there_are_threads),
    VIGIL_CASE(stuck_two_mutexes),
    VIGIL_CASE(twice_mutex_taken),
    VIGIL_CASE(twice_shared_mutex_upgraded),
    VIGIL_CASE(again_write_locked_and_read),
    VIGIL_CASE(stuck_join_while_holding),
    VIGIL_CASE(stuck_condition_while_holding_another),
    VIGIL_CASE(stuck_lost_signal),
    VIGIL_CASE(stuck_semaphores),
    VIGIL_CASE(stuck_read_write_locks),
    VIGIL_CASE(stuck_barrier),
    VIGIL_CASE(held_thread_and_task),
    VIGIL_CASE(stuck_tasks_after_main_left),
    VIGIL_CASE(stuck_beside_a_daemon),
    VIGIL_CASE(stuck_nil_channel_in_main),
    VIGIL_CASE(moves_sleeping_thread),
    VIGIL_CASE(moves_timed_wait),
    VIGIL_CASE(moves_thread_in_a_system_call),
    VIGIL_CASE(moves_sleeping_task),
    VIGIL_CASE(moves_busy_task),
    VIGIL_CASE(moves_signal_handler),
    VIGIL_CASE(moves_signal_waiter),
    VIGIL_CASE(moves_other_process),
    VIGIL_CASE(moves_mutex_shared_between_processes),
    VIGIL_CASE(moves_stranger),
    VIGIL_CASE(moves_quick_threads),
    VIGIL_CASE(moves_hand_over_between_threads),
    VIGIL_CASE(moves_hand_over_between_main_and_tasks),
    VIGIL_CASE(moves_cancelled_condition_wait),
    VIGIL_CASE(stuck_blocking_calls_lock_crosswise),
    VIGIL_CASE(stuck_blocking_call_wants_what_its_task_holds),
    VIGIL_CASE(stuck_blocking_call_receives_what_nobody_sends),
    VIGIL_CASE(moves_blocking_call_reads_what_comes_later),
};

}  // namespace

int main(int argc, char** argv) {
  return vigil::test::run_case({kCases, vigil::test::word_cases(), vigil::test::worker_cases()}, argc, argv);
}
