// What signals order: handlers, however the signal was sent; descriptors of signals; who waits for a child that was
// killed; threads that libc starts or interrupts by itself.
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <ctime>
#include <future>
#include <semaphore>
#include <string>
#include <thread>

#include "test/interpose/instrument/kernel_cases.hpp"
#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::demand;
using vigil::test::hand_over;
using vigil::test::one_after_the_other;
using vigil::test::value;

volatile std::sig_atomic_t handled = 0;

void handler(int /*signal_number*/) {
  demand(value == 1);
  value = 2;
  handled = 1;
}
void telling_handler(int number, siginfo_t* /*told*/, void* /*context*/) { handler(number); }

// While it lives the signal comes to no thread that does not let it; then all is as it was. All cases may run in one
// process.
class Blocked {
 public:
  explicit Blocked(int number) : number_(number) {
    handled = 0;
    sigemptyset(&signals_);
    sigaddset(&signals_, number);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  ~Blocked() {
    signal(number_, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

  [[nodiscard]] const sigset_t& signals() const { return signals_; }
  // Lets it come to this thread until it has been handled.
  void wait_until_handled() const {
    sigset_t open;
    pthread_sigmask(SIG_BLOCK, nullptr, &open);
    sigdelset(&open, number_);
    while (handled == 0) sigsuspend(&open);
  }

 private:
  int number_;
  sigset_t signals_{};
};

// The handler runs in the thread that waits for it, because of what `send` does in this one, and sees what this one
// did.
template <class Send>
void handled_elsewhere(Send&& send, int number = SIGUSR1, int flags = 0) {
  struct sigaction action {};
  action.sa_flags = flags;
  if ((flags & SA_SIGINFO) != 0) {
    action.sa_sigaction = telling_handler;
  } else {
    action.sa_handler = handler;
  }
  const Blocked blocked(number);
  demand(sigaction(number, &action, nullptr) == 0);
  std::promise<pid_t> started;
  std::thread other([&] {
    started.set_value(gettid());
    blocked.wait_until_handled();
  });
  const pid_t id = started.get_future().get();
  value = 1;
  send(other.native_handle(), id);
  other.join();
  demand(value == 2);
}
void clean_handler_of_pthread_kill() {
  handled_elsewhere([](pthread_t thread, pid_t) { pthread_kill(thread, SIGUSR1); });
}
void clean_handler_of_kill() {
  handled_elsewhere([](pthread_t, pid_t) { kill(getpid(), SIGUSR1); });
}
void clean_handler_of_tgkill() {
  handled_elsewhere([](pthread_t, pid_t id) { tgkill(getpid(), id, SIGUSR1); });
}
void clean_handler_of_sigqueue() {
  handled_elsewhere([](pthread_t, pid_t) { sigqueue(getpid(), SIGUSR1, sigval{}); }, SIGUSR1, SA_SIGINFO);
}
void clean_handler_of_pthread_sigqueue() {
  handled_elsewhere([](pthread_t thread, pid_t) { pthread_sigqueue(thread, SIGUSR1, sigval{}); }, SIGUSR1,
                    static_cast<int>(SA_SIGINFO | SA_RESETHAND));
}
void clean_handler_of_a_harmless_signal() {
  handled_elsewhere([](pthread_t, pid_t) { kill(getpid(), SIGURG); }, SIGURG);
}
void clean_handler_of_setitimer() {
  handled_elsewhere(
      [](pthread_t, pid_t) {
        const itimerval soon{{0, 0}, {0, 1}};
        setitimer(ITIMER_REAL, &soon, nullptr);
      },
      SIGALRM);
}
void clean_handler_of_a_timer() {
  handled_elsewhere([](pthread_t, pid_t) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer{};
    demand(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    const itimerspec soon{{0, 0}, {0, 1}};
    timer_settime(timer, 0, &soon, nullptr);
  });
}
// It was installed after what it sees; the signal comes from elsewhere.
void clean_handler_installed_late() {
  const Blocked blocked(SIGUSR1);
  std::atomic<bool> installed{false};
  std::thread other([&] {
    while (!installed.load(std::memory_order_relaxed)) sched_yield();
    syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    blocked.wait_until_handled();
  });
  value = 1;
  demand(signal(SIGUSR1, handler) == SIG_DFL);
  installed.store(true, std::memory_order_relaxed);
  other.join();
  demand(signal(SIGUSR1, SIG_IGN) == handler);
  struct sigaction now {};
  demand(sigaction(SIGUSR1, nullptr, &now) == 0 && now.sa_handler == SIG_IGN);
}

std::atomic<long> seen;  // so that the read is not left out
void reading_handler(int /*signal_number*/) {
  seen.store(value, std::memory_order_relaxed);
  handled = 1;
}
void race_sender_goes_on() {
  const Blocked blocked(SIGUSR1);
  demand(signal(SIGUSR1, reading_handler) == SIG_DFL);
  std::thread other([&] { blocked.wait_until_handled(); });
  pthread_kill(other.native_handle(), SIGUSR1);
  value = 1;
  other.join();
}

void clean_signal_descriptor() {
  const Blocked blocked(SIGUSR1);
  const int file = signalfd(-1, &blocked.signals(), 0);
  signalfd_siginfo told{};
  hand_over([] { kill(getpid(), SIGUSR1); }, [&] { demand(read(file, &told, sizeof(told)) == sizeof(told)); });
}
void clean_killed_and_waited_for() {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  int status = 0;
  hand_over([&] { kill(child, SIGKILL); }, [&] { demand(waitpid(child, &status, 0) == child); });
}
void clean_thread_of_an_operation_on_a_file() {
  static std::binary_semaphore done(0);
  static char text = 'x';
  static aiocb operation{};
  operation.aio_fildes = memfd_create("written", 0);
  operation.aio_buf = &text;
  operation.aio_nbytes = 1;
  operation.aio_sigevent.sigev_notify = SIGEV_THREAD;
  operation.aio_sigevent.sigev_notify_function = [](sigval) {
    demand(value == 1);
    value = 2;
    done.release();
  };
  value = 1;
  demand(aio_write(&operation) == 0);
  done.acquire();
  demand(value == 2);
}

void clean_thread_of_a_message() {
  static std::binary_semaphore done(0);
  const std::string name = "/vigil-told-" + std::to_string(getpid());
  mq_attr of{};
  of.mq_maxmsg = 1;
  of.mq_msgsize = 1;
  const mqd_t queue = mq_open(name.c_str(), O_CREAT | O_RDWR, 0600, &of);
  if (queue == static_cast<mqd_t>(-1)) return;
  mq_unlink(name.c_str());
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {
    demand(value == 1);
    value = 2;
    done.release();
  };
  demand(mq_notify(queue, &event) == 0);
  value = 1;
  demand(mq_send(queue, "x", 1, 0) == 0);
  done.acquire();
}
aiocb operation_on(int file, char* text) {
  aiocb operation{};
  operation.aio_fildes = file;
  operation.aio_buf = text;
  operation.aio_nbytes = 1;
  return operation;
}
void clean_operation_that_reads() {
  std::array<int, 2> ends{};
  demand(pipe(ends.data()) == 0);
  char text = 0;
  aiocb operation = operation_on(ends[0], &text);
  demand(aio_read(&operation) == 0);
  const std::array<const aiocb*, 1> all{&operation};
  const auto wait = [&] {
    while (aio_error(&operation) == EINPROGRESS) aio_suspend(all.data(), 1, nullptr);
  };
  hand_over([&] { demand(write(ends[1], "x", 1) == 1); }, wait);
}
// Nobody asks each operation whether it is over: the wait for all of them has said so.
void operation_that_is_waited_for(int (*wait)(aiocb*)) {
  static std::array<int, 2> ends{};
  demand(pipe(ends.data()) == 0);
  char text = 0;
  aiocb operation = operation_on(ends[0], &text);
  operation.aio_lio_opcode = LIO_READ;
  hand_over([&] { demand(write(ends[1], "x", 1) == 1); }, [&] { demand(wait(&operation) == 0); });
}
void clean_operation_that_a_list_waits_for() {
  operation_that_is_waited_for([](aiocb* one) { return lio_listio(LIO_WAIT, &one, 1, nullptr); });
}
void clean_operation_that_is_suspended_for() {
  operation_that_is_waited_for([](aiocb* one) {
    demand(aio_read(one) == 0);
    return aio_suspend(&one, 1, nullptr);
  });
}
void clean_operation_that_writes() {
  std::array<int, 2> ends{};
  demand(pipe(ends.data()) == 0);
  char text = 'x';
  char got = 0;
  aiocb operation = operation_on(ends[1], &text);
  hand_over([&] { demand(aio_write(&operation) == 0); }, [&] { demand(read(ends[0], &got, 1) == 1); });
  while (aio_error(&operation) == EINPROGRESS) sched_yield();
}

void clean_thread_of_a_look_for_a_name() {
  static std::binary_semaphore done(0);
  static gaicb wanted{};
  static std::array<gaicb*, 1> all{&wanted};
  wanted.ar_name = "127.0.0.1";
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {
    demand(value == 1);
    value = 2;
    done.release();
  };
  value = 1;
  demand(getaddrinfo_a(GAI_NOWAIT, all.data(), 1, &event) == 0);
  done.acquire();
  demand(value == 2);
}

// libc has each thread change its user, by a signal of its own: also those of the shim.
void clean_user_changed_with_threads() {
  std::atomic<bool> changed{false};
  std::thread other([&] {
    while (!changed.load()) sched_yield();
  });
  demand(setgid(getgid()) == 0 && setuid(getuid()) == 0);
  changed.store(true);
  other.join();
}

// The access does not happen: there is no memory.
thread_local sigjmp_buf after_fault;
void on_fault(int /*signal*/) { siglongjmp(after_fault, 1); }
void clean_null_pointer_that_the_handler_goes_on_from() {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = on_fault;
  if (sigaction(SIGSEGV, &action, &before) != 0) std::abort();
  const auto write_there = [] {
    volatile int* volatile nothing = nullptr;
    if (sigsetjmp(after_fault, 1) == 0) *nothing = 1;
  };
  one_after_the_other(write_there, write_there);
  if (sigaction(SIGSEGV, &before, nullptr) != 0) std::abort();
}

// ---- a cancellation ------------------------------------------------------------------------------------------------

// As many threads as end by their handlers, which have the mutex of the condition that they waited for.
struct Waiters {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  int waiting = 0;
  int ended = 0;
};
void end_with_mutex(void* given) {
  auto& all = *static_cast<Waiters*>(given);
  ++all.ended;
  pthread_mutex_unlock(&all.mutex);
}
void end_without_mutex(void* given) {
  auto& all = *static_cast<Waiters*>(given);
  pthread_mutex_unlock(&all.mutex);
  ++all.ended;
}
template <void (*kEnd)(void*), class Wait>
void cancelled_in(Wait wait) {
  struct Given {
    Waiters all;
    Wait wait;
  } given{{}, wait};
  Waiters& all = given.all;
  std::array<pthread_t, 2> threads{};
  const auto run = [](void* it) -> void* {
    auto& mine = *static_cast<Given*>(it);
    pthread_mutex_lock(&mine.all.mutex);
    ++mine.all.waiting;
    pthread_cleanup_push(kEnd, &mine.all);
    for (;;) mine.wait(mine.all);
    pthread_cleanup_pop(0);
  };
  for (pthread_t& one : threads) {
    if (pthread_create(&one, nullptr, run, &given) != 0) std::abort();
  }
  for (bool all_wait = false; !all_wait; std::this_thread::yield()) {
    pthread_mutex_lock(&all.mutex);
    all_wait = all.waiting == static_cast<int>(threads.size());
    pthread_mutex_unlock(&all.mutex);
  }
  for (const pthread_t one : threads) pthread_cancel(one);
  for (const pthread_t one : threads) pthread_join(one, nullptr);
  if (all.ended != static_cast<int>(threads.size())) std::abort();
}
void wait_for_ever(Waiters& all) { pthread_cond_wait(&all.condition, &all.mutex); }
void wait_until_tomorrow(Waiters& all) {
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 86'400;
  pthread_cond_timedwait(&all.condition, &all.mutex, &until);
}
void clean_handlers_of_waits_that_are_cancelled() { cancelled_in<end_with_mutex>(wait_for_ever); }
void clean_handlers_of_timed_waits_that_are_cancelled() { cancelled_in<end_with_mutex>(wait_until_tomorrow); }
void race_of_handlers_that_gave_the_mutex_back() { cancelled_in<end_without_mutex>(wait_for_ever); }

constexpr Case kCases[] = {
    VIGIL_CASE(clean_handlers_of_waits_that_are_cancelled),
    VIGIL_CASE(clean_handlers_of_timed_waits_that_are_cancelled),
    VIGIL_CASE(race_of_handlers_that_gave_the_mutex_back),
    VIGIL_CASE(clean_null_pointer_that_the_handler_goes_on_from),
    VIGIL_CASE(clean_handler_of_pthread_kill),
    VIGIL_CASE(clean_handler_of_kill),
    VIGIL_CASE(clean_handler_of_tgkill),
    VIGIL_CASE(clean_handler_of_sigqueue),
    VIGIL_CASE(clean_handler_of_pthread_sigqueue),
    VIGIL_CASE(clean_handler_of_a_harmless_signal),
    VIGIL_CASE(clean_handler_of_setitimer),
    VIGIL_CASE(clean_handler_of_a_timer),
    VIGIL_CASE(clean_handler_installed_late),
    VIGIL_CASE(race_sender_goes_on),
    VIGIL_CASE(clean_signal_descriptor),
    VIGIL_CASE(clean_killed_and_waited_for),
    VIGIL_CASE(clean_thread_of_an_operation_on_a_file),
    VIGIL_CASE(clean_thread_of_a_look_for_a_name),
    VIGIL_CASE(clean_thread_of_a_message),
    VIGIL_CASE(clean_operation_that_reads),
    VIGIL_CASE(clean_operation_that_a_list_waits_for),
    VIGIL_CASE(clean_operation_that_is_suspended_for),
    VIGIL_CASE(clean_operation_that_writes),
    VIGIL_CASE(clean_user_changed_with_threads),
};

}  // namespace

std::span<const Case> vigil::test::signal_cases() { return kCases; }
