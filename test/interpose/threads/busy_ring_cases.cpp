// Rings beside threads that compute or wait for bytes: what those have in registers, and what the kernel keeps for
// them, is asked before anything is told.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <vector>

#include "test/interpose/threads/ring_cases.hpp"

namespace {

using namespace vigil::test;
using vigil::Channel;
using namespace std::chrono_literals;

// A thread that computes for as long as it lives.
class Busy {
 public:
  ~Busy() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_{[this] {
    wipe_registers();
    while (!stop_.load(std::memory_order_relaxed)) steps_ = steps_ + 1;
  }};
  volatile long steps_ = 0;
};

void told_while_a_thread_computes() {
  make_dead_ring();
  const Busy busy;
  wipe_stack();
  look_until_told(sleep_in_the_system);
}

void told_while_a_task_computes() {
  make_dead_ring();
  std::atomic<bool> stop{false};
  vigil::WaitGroup ended;
  ended.go([&] {
    wipe_registers();
    while (!stop.load(std::memory_order_relaxed)) continue;
  });
  wipe_stack();
  look_until_told(sleep_in_the_system);
  stop = true;
  ended.wait();
}

void told_while_main_computes() {
  make_dead_ring();
  wipe_stack();
  look_until_told([](std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) continue;
  });
}

// One thread waits for bytes, one for whatever happens on a descriptor; another uses primitives all the time.
void told_in_a_busy_server() {
  make_dead_ring();
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  std::thread reader([&] {
    char byte = 0;
    while (read(ends[0], &byte, 1) < 0) continue;
  });
  const int end_comes = eventfd(0, 0);
  std::thread poller([&] {
    const int poll = epoll_create1(0);
    epoll_event event{.events = EPOLLIN, .data = {}};
    epoll_ctl(poll, EPOLL_CTL_ADD, end_comes, &event);
    while (epoll_wait(poll, &event, 1, -1) < 1) continue;
    close(poll);
  });
  std::atomic<bool> stop{false};
  std::thread server([&] {
    const Channel<int> jobs(1);
    while (!stop.load(std::memory_order_relaxed)) {
      jobs.send(1);
      (void)jobs.receive();
    }
  });
  wipe_stack();
  look_until_told(sleep_in_the_system);
  stop = true;
  eventfd_write(end_comes, 1);
  if (write(ends[1], "x", 1) != 1) std::abort();
  for (std::thread* const one : {&reader, &poller, &server}) one->join();
}

// Neither knows of the other's frames.
[[gnu::noinline]] void end_when_told_beside_one_that_computes() {
  static const auto* const busy = new Busy;
  (void)busy;
  std::thread([] {
    look_until_told(sleep_in_the_system);
    std::_Exit(0);
  }).detach();
}

// Main has what its threads wait for, which have it in their closures, in the heap; it waits for their ends.
[[gnu::noinline]] void join_two_that_wait_for_each_other() {
  const Channel<int> a(0);
  const Channel<int> b(0);
  std::thread one([a, b] {
    (void)a.receive();
    b.close();
  });
  std::thread other([a, b] {
    (void)b.receive();
    a.close();
  });
  one.join();
  other.join();
}
void told_threads_that_main_joins() {
  end_when_told_beside_one_that_computes();
  wipe_stack();
  join_two_that_wait_for_each_other();
}

// Main joins a thread that waits for what main would do next.
[[gnu::noinline]] void join_one_that_waits_for_the_joiner() {
  const Channel<int> next(0);
  std::thread one([next] { (void)next.receive(); });
  one.join();
  next.send(1);
}
void told_thread_that_waits_for_who_joins_it() {
  end_when_told_beside_one_that_computes();
  wipe_stack();
  join_one_that_waits_for_the_joiner();
}

// What its creator had there in wide registers, a new thread begins with. On processors without AVX-512 nothing is
// done.
[[gnu::noinline]] void put_into_wide_registers(std::uintptr_t word) {
  if (!__builtin_cpu_supports("avx512vl")) return;
  asm volatile(
      "vpbroadcastq %0, %%ymm3\n\tvpbroadcastq %0, %%ymm14\n\t"
      "vpbroadcastq %0, %%zmm20\n\tvpbroadcastq %0, %%zmm27\n\tvpbroadcastq %0, %%zmm29\n\tvpbroadcastq %0, %%zmm31"
      :
      : "r"(word));
}
// Who computes was created by main, with an address of main's frames in its registers.
void told_main_that_created_who_computes() {
  put_into_wide_registers(reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - 64);
  end_when_told_beside_one_that_computes();
  wipe_stack();
  join_one_that_waits_for_the_joiner();
}

// One task makes a call that waits for bytes.
void told_while_a_task_is_in_a_blocking_call() {
  make_dead_ring();
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  vigil::WaitGroup ended;
  ended.go([&] {
    vigil::blocking([&] {
      char byte = 0;
      while (read(ends[0], &byte, 1) < 0) continue;
    });
  });
  wipe_stack();
  look_until_told(sleep_in_the_system);
  if (write(ends[1], "x", 1) != 1) std::abort();
  ended.wait();
}

// ---- what is known to a register, or to the kernel only -----------------------------------------------------------

// Two tasks that wait for each other; the only way to free them is the first one's own handle, in its frames. keep is
// given where that is, as a number.
template <class Keep>
[[gnu::noinline]] void make_ring_known_by_address(Keep keep, const Channel<int>& ended) {
  const Channel<std::uintptr_t> where(0);
  vigil::go([=] {
    const Channel<int> a(0);
    const Channel<int> b(0);
    vigil::go([=] {
      (void)b.receive();
      (void)a.try_receive();
      ended.send(1);
    });
    where.send(reinterpret_cast<std::uintptr_t>(&a));
    (void)a.receive();
    b.close();
    ended.send(1);
  });
  keep(*where.receive());
}
void free_ring(std::uintptr_t address) { reinterpret_cast<const Channel<int>*>(address)->close(); }

// The same, where the first is a plain thread, and its handle lies in its closure, in the heap.
template <class Keep>
[[gnu::noinline]] void make_thread_ring_known_by_address(Keep keep, const Channel<int>& ended) {
  const Channel<std::uintptr_t> where(0);
  const Channel<int> b(0);
  std::thread([a = Channel<int>(0), b, where, ended] {
    vigil::go([a, b, ended] {
      (void)b.receive();
      (void)a.try_receive();
      ended.send(1);
    });
    where.send(reinterpret_cast<std::uintptr_t>(&a));
    (void)a.receive();
    b.close();
    ended.send(1);
  }).detach();
  keep(*where.receive());
}

// Waits, computing, with that word in one register and nowhere else.
std::uintptr_t keep_in_a_register(std::uintptr_t word, const bool& stop) {
  asm volatile("0: pause\n\tcmpb $0, %1\n\tje 0b" : "+r"(word) : "m"(stop) : "cc", "memory");
  return word;
}
std::uintptr_t keep_in_a_wide_register(std::uintptr_t word, const bool& stop) {
  asm volatile(
      "movq %0, %%xmm7\n\txor %0, %0\n\t"
      "0: pause\n\tcmpb $0, %1\n\tje 0b\n\t"
      "movq %%xmm7, %0\n\tpxor %%xmm7, %%xmm7"
      : "+r"(word)
      : "m"(stop)
      : "xmm7", "cc", "memory");
  return word;
}

// Threads that compute, each with a ring's only address in a register.
class Keepers {
 public:
  template <class Wait>
  void add(std::uintptr_t word, Wait wait) {
    word_ = word;
    threads_.emplace_back([this, wait] {
      const std::uintptr_t kept = wait(word_.exchange(0), stop_);
      free_ring(kept);
    });
    while (word_ != 0) usleep(100);  // polled until the thread has it; how long that takes does not matter
  }
  void stop() {
    *static_cast<volatile bool*>(&stop_) = true;
    for (std::thread& one : threads_) one.join();
  }

 private:
  std::atomic<std::uintptr_t> word_{0};
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

// Those that are not dead may be freed by whoever has a word that lies in a register, or in the kernel.
void told_one_of_many_known_elsewhere() {
  const Channel<int> ended(10);
  Keepers keepers;
  make_thread_ring_known_by_address([&](std::uintptr_t word) { keepers.add(word, keep_in_a_register); }, ended);
  make_ring_known_by_address([&](std::uintptr_t word) { keepers.add(word, keep_in_a_register); }, ended);
  make_ring_known_by_address([&](std::uintptr_t word) { keepers.add(word, keep_in_a_wide_register); }, ended);
  const int poll = epoll_create1(0);
  const int ready = eventfd(0, 0);
  make_ring_known_by_address(
      [&](std::uintptr_t word) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = word}};
        epoll_ctl(poll, EPOLL_CTL_ADD, ready, &event);
      },
      ended);
  timer_t timer{};
  sigset_t of_timer;
  sigemptyset(&of_timer);
  sigaddset(&of_timer, SIGRTMIN + 1);
  pthread_sigmask(SIG_BLOCK, &of_timer, nullptr);
  make_ring_known_by_address(
      [&](std::uintptr_t word) {
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;  // to this thread, which is the only one that waits for it
        event._sigev_un._tid = gettid();
        event.sigev_signo = SIGRTMIN + 1;
        event.sigev_value.sival_ptr = reinterpret_cast<void*>(word);
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) std::abort();
      },
      ended);
  // So that all have waited for long enough to be looked at. A look that misses them tells nothing of them.
  vigil::sleep_for(300ms);
  make_dead_ring();
  wipe_stack();
  look_until_told(sleep_in_the_system);
  keepers.stop();
  eventfd_write(ready, 1);
  epoll_event event{};
  if (epoll_wait(poll, &event, 1, -1) != 1) std::abort();
  free_ring(event.data.u64);
  const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1}};
  timer_settime(timer, 0, &soon, nullptr);
  siginfo_t came{};
  while (sigwaitinfo(&of_timer, &came) < 0) continue;
  free_ring(reinterpret_cast<std::uintptr_t>(came.si_value.sival_ptr));
  for (int i = 0; i < 10; ++i) (void)ended.receive();
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(told_while_a_thread_computes),
    VIGIL_CASE(told_while_a_task_computes),
    VIGIL_CASE(told_while_main_computes),
    VIGIL_CASE(told_in_a_busy_server),
    VIGIL_CASE(told_threads_that_main_joins),
    VIGIL_CASE(told_thread_that_waits_for_who_joins_it),
    VIGIL_CASE(told_main_that_created_who_computes),
    VIGIL_CASE(told_while_a_task_is_in_a_blocking_call),
    VIGIL_CASE(told_one_of_many_known_elsewhere),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::busy_ring_cases() { return kCases; }
