// C11 threads; memory that is used again by somebody else; copies by functions of the C library; bytes through a pipe;
// signals.
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>

#include "test/interpose/instrument/order_cases.hpp"

namespace {

using vigil::test::Case;
using vigil::test::Meeting;
using vigil::test::one_after_the_other;

void clean_c11() {
  struct Shared {
    mtx_t lock;
    int data;
  } shared{};
  mtx_init(&shared.lock, mtx_plain);
  const thrd_start_t work = [](void* given) {
    auto* const at = static_cast<Shared*>(given);
    for (int i = 0; i < 200; ++i) {
      mtx_lock(&at->lock);
      ++at->data;
      mtx_unlock(&at->lock);
    }
    return 0;
  };
  std::array<thrd_t, 3> threads{};
  for (thrd_t& one : threads) {
    if (thrd_create(&one, work, &shared) != thrd_success) std::abort();
  }
  for (const thrd_t one : threads) thrd_join(one, nullptr);
  mtx_destroy(&shared.lock);
}
void clean_mapping_reused() {  // the same address twice, by different threads, with nothing between
  constexpr std::size_t kBytes = 1U << 16U;
  void* first = nullptr;
  one_after_the_other(
      [&] {
        void* const at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(at, 1, kBytes);
        static_cast<volatile char*>(at)[100] = 2;
        munmap(at, kBytes);
        __atomic_store_n(&first, at, __ATOMIC_RELAXED);
      },
      [&] {
        void* const wanted = __atomic_load_n(&first, __ATOMIC_RELAXED);
        void* const at = mmap(wanted, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        static_cast<volatile char*>(at)[100] = 3;
        std::memset(at, 4, kBytes);
        munmap(at, kBytes);
      });
}
void clean_heap_reused() {
  one_after_the_other(
      [] {
        for (int i = 0; i < 100; ++i) delete new std::array<int, 10>{};
      },
      [] {
        for (int i = 0; i < 100; ++i) delete new std::array<int, 10>{};
      });
}
void clean_thread_stacks_reused() {
  for (int round = 0; round < 20; ++round) {
    std::thread([] {
      volatile int local[64];
      for (volatile int& one : local) one = 1;
    }).detach();
  }
  std::this_thread::yield();
}

// A thread whose handler ran on a stack of its own, far away, or just below: all it touched of its own stack is
// forgotten at its end, and nothing else.
thread_local volatile bool was_told = false;
void on_usr1(int /*signal*/) {
  volatile int local[16];
  for (volatile int& one : local) one = 1;
  was_told = true;
}
void take_signal_on(void* stack, std::size_t bytes) {
  stack_t other{};
  other.ss_sp = stack;
  other.ss_size = bytes;
  struct sigaction action {};
  action.sa_handler = on_usr1;
  action.sa_flags = SA_ONSTACK;
  if (sigaltstack(&other, nullptr) != 0 || sigaction(SIGUSR1, &action, nullptr) != 0) std::abort();
  if (raise(SIGUSR1) != 0 || !was_told) std::abort();
  other.ss_flags = SS_DISABLE;
  if (sigaltstack(&other, nullptr) != 0) std::abort();
}
// Whether the next thread got the stack of the one before is the system's to say, and does not matter.
void clean_thread_stacks_reused_after_a_handler() {
  static std::array<std::array<char, 64U << 10U>, 20> far;  // nothing orders who has one
  static std::atomic<std::size_t> ended{0};
  for (std::size_t round = 0; round < far.size(); ++round) {
    std::thread([round] {
      volatile int local[64];
      for (volatile int& one : local) one = 1;
      take_signal_on(far[round].data(), far[round].size());
      ended.fetch_add(1, std::memory_order_relaxed);
    }).detach();
    while (ended.load(std::memory_order_relaxed) <= round) std::this_thread::yield();
  }
}
// What is mapped after the thread's stack lies below it: the handler's stack, and above that what races.
void race_between_the_handlers_stack_and_the_threads() {
  constexpr std::size_t kBytes = std::size_t{1} << 20U;
  std::atomic<char*> mapped{nullptr};
  const auto last = [&]() -> volatile char& { return mapped.load(std::memory_order_relaxed)[kBytes - 8]; };
  Meeting there;
  Meeting written;
  Meeting seen;
  std::thread told([&] {
    void* const low = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (low == MAP_FAILED) std::abort();
    mapped.store(static_cast<char*>(low), std::memory_order_relaxed);
    there.wait();
    seen.wait();
    take_signal_on(low, kBytes / 2);
  });
  there.wait();
  std::thread writer([&] {
    last() = 1;
    written.wait();
  });
  written.wait();
  seen.wait();
  told.join();
  last() = 2;
  writer.join();
}

// ---- copies ---------------------------------------------------------------------------------------------------------
// Not on the stack: clang leaves a local that it believes uncaptured out of the instrumentation.

void put(char& at) { static_cast<volatile char&>(at) = 'x'; }  // volatile: nobody reads it

// Somebody might read it: else its writing may be left out.
void keep(const char* at) { asm volatile("" : : "r"(at) : "memory"); }  // NOLINT(hicpp-no-assembler)

void race_in_memcpy() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 13;
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), size); }, [&] { put(to[12]); });
}
void clean_memcpy_beside() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 13;
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), size); }, [&] { put(to[13]); });
}
void race_in_small_memcpy() {
  static std::array<char, 64> from;
  static std::array<char, 64> to;
  keep(to.data());
  one_after_the_other([&] { std::memcpy(to.data(), from.data(), 13); }, [&] { put(to[12]); });
}
void race_in_memset() {
  static std::array<char, 64> to;
  keep(to.data());
  volatile std::size_t size = 40;
  one_after_the_other([&] { std::memset(to.data(), 1, size); }, [&] { put(to[39]); });
}
void race_in_strlen() {
  static std::array<char, 64> text;
  keep(text.data());
  std::strcpy(text.data(), "a text of some length");
  volatile std::size_t length = 0;
  one_after_the_other([&] { length = std::strlen(text.data()); }, [&] { put(text[3]); });
}

// ---- exit() calls after who asked for the call
// -----------------------------------------------------------------------

void clean_static_that_another_thread_made() {
  static vigil::test::Meeting made;
  std::thread([] {
    struct Text {
      std::array<char, 8> text{};
      Text() { put(text[0]); }
      ~Text() { put(text[0]); }
    };
    static const Text text;
    made.wait();
  }).detach();
  made.wait();
}

// ---- what is read comes after what was written ----------------------------------------------------------------------

// Data goes with a byte from one end to the other.
template <class Send, class Receive>
void hand_over(Send&& send, Receive&& receive) {
  int data = 0;
  std::thread other([&] {
    data = 1;
    send();
  });
  receive();
  data = 2;
  other.join();
}
void demand(bool done) {
  if (!done) std::abort();
}

void clean_through_a_pipe() {
  std::array<int, 2> ends{};
  char byte = 1;
  demand(pipe(ends.data()) == 0);
  hand_over([&] { demand(write(ends[1], "x", 1) == 1); }, [&] { demand(read(ends[0], &byte, 1) == 1); });
  hand_over([&] { close(ends[1]); }, [&] { demand(read(ends[0], &byte, 1) == 0); });
  close(ends[0]);
}
void clean_through_a_socket() {
  std::array<int, 2> ends{};
  char byte = 1;
  demand(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  hand_over([&] { demand(send(ends[1], "x", 1, 0) == 1); }, [&] { demand(recv(ends[0], &byte, 1, 0) == 1); });
  close(ends[0]);
  close(ends[1]);
}
void clean_through_an_eventfd() {
  const int event = eventfd(0, 0);
  eventfd_t value = 0;
  hand_over([&] { demand(eventfd_write(event, 1) == 0); }, [&] { demand(eventfd_read(event, &value) == 0); });
  close(event);
}
// Told that there is something to read, and not reading it.
template <class Wait>
void hand_over_ready(Wait&& wait) {
  std::array<int, 2> ends{};
  demand(pipe(ends.data()) == 0);
  hand_over([&] { demand(write(ends[1], "x", 1) == 1); }, [&] { demand(wait(ends[0]) == 1); });
  close(ends[0]);
  close(ends[1]);
}
void clean_by_poll_and_select() {
  hand_over_ready([](int end) {
    pollfd ready{end, POLLIN, 0};
    return poll(&ready, 1, -1);
  });
  hand_over_ready([](int end) {
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(end, &readable);
    return select(end + 1, &readable, nullptr, nullptr, nullptr);
  });
}
void clean_by_sigwait() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  int taken = 0;
  hand_over([] { demand(kill(getpid(), SIGUSR2) == 0); }, [&] { demand(sigwait(&wanted, &taken) == 0); });
  pthread_sigmask(SIG_UNBLOCK, &wanted, nullptr);
}
void clean_by_a_timers_thread() {  // nobody hears of its creation
  static int value = 0;
  static sem_t fired;
  sem_init(&fired, 0, 0);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {
    ++value;
    sem_post(&fired);
  };
  timer_t timer{};
  demand(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  for (int i = 0; i < 3; ++i) {
    ++value;
    const itimerspec soon{{0, 0}, {0, 1}};
    demand(timer_settime(timer, 0, &soon, nullptr) == 0);
    demand(sem_wait(&fired) == 0);
  }
  demand(value == 6);
  timer_delete(timer);
}
void clean_locked_file() {
  std::FILE* const file = std::tmpfile();
  demand(file != nullptr);
  const std::string path = "/proc/self/fd/" + std::to_string(fileno(file));
  int data = 0;
  const auto work = [&](bool by_close) {
    for (int i = 0; i < 20; ++i) {
      const int mine = open(path.c_str(), O_RDWR);
      demand(mine >= 0 && flock(mine, LOCK_EX) == 0);
      ++data;
      if (!by_close) demand(flock(mine, LOCK_UN) == 0);
      close(mine);
    }
  };
  std::thread other(work, true);
  work(false);
  other.join();
  std::fclose(file);
}
void race_beside_a_pipe() {  // one pipe orders nothing of another's
  std::array<int, 2> one{};
  std::array<int, 2> other{};
  char byte = 1;
  demand(pipe(one.data()) == 0 && pipe(other.data()) == 0);
  int data = 0;
  one_after_the_other(
      [&] {
        data = 1;
        demand(write(one[1], "x", 1) == 1);
      },
      [&] {
        demand(write(other[1], "y", 1) == 1 && read(other[0], &byte, 1) == 1);
        data = 2;
      });
  for (const int end : {one[0], one[1], other[0], other[1]}) close(end);
}

// ---- signals --------------------------------------------------------------------------------------------------------

int seen_by_handlers = 0;  // plain: written before a thread is created, read by handlers that run on it
thread_local int own_of_handlers = 0;

// Of the many signals some come to a thread whose function has not begun, and some to one whose function has returned.
// What its creator did is before both; and its storage is used again by the next.
void clean_signals_at_the_edges_of_threads() {
  struct sigaction action {};
  action.sa_handler = [](int) { own_of_handlers += seen_by_handlers; };
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<bool> enough{false};
  std::thread sender([&] {
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mine, nullptr);
    while (!enough.load()) {
      kill(getpid(), SIGUSR1);
      std::this_thread::yield();
    }
  });
  for (int round = 1; round <= 150; ++round) {
    seen_by_handlers = round;
    std::thread([] {}).join();
  }
  enough.store(true);
  sender.join();
}

bool is_blocked(int signal_number) {
  sigset_t now;
  return pthread_sigmask(SIG_BLOCK, nullptr, &now) == 0 && sigismember(&now, signal_number) == 1;
}

void clean_threads_start_with_the_wanted_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::thread([] { demand(is_blocked(SIGUSR2) && !is_blocked(SIGUSR1) && !is_blocked(SIGTERM)); }).join();
  demand(is_blocked(SIGUSR2) && !is_blocked(SIGUSR1));
  pthread_sigmask(SIG_UNBLOCK, &wanted, nullptr);

  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setsigmask_np(&attributes, &wanted);
  pthread_t thread{};
  const auto body = [](void*) -> void* {
    demand(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
    return nullptr;
  };
  demand(pthread_create(&thread, &attributes, body, nullptr) == 0 && pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
}

// libc maps a large block by itself, and unmaps it when it is freed: what it maps there next, a thread's stack or a
// module, comes as unseen as this does.
[[gnu::noinline, gnu::no_sanitize_thread]] void* map_unseen(void* at, std::size_t bytes) {
  const long protection = PROT_READ | PROT_WRITE;
  register long flags asm("r10") = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  register long descriptor asm("r8") = -1;
  register long offset asm("r9") = 0;
  long got = SYS_mmap;
  asm volatile("syscall"
               : "+a"(got)
               : "D"(at), "S"(bytes), "d"(protection), "r"(flags), "r"(descriptor), "r"(offset)
               : "rcx", "r11", "memory");
  return reinterpret_cast<void*>(got);
}
void clean_mapping_where_a_block_was() {
  constexpr std::size_t kLarge = 256U << 10U;
  constexpr std::uintptr_t kPage = 4096;
  mallopt(M_MMAP_THRESHOLD, kLarge / 2);  // and not, as by default, what was freed last
  auto* const block = static_cast<char*>(std::malloc(kLarge));
  put(block[kPage]);
  char* const page = block - reinterpret_cast<std::uintptr_t>(block) % kPage;
  std::free(block);
  demand(map_unseen(page, kLarge) == page);
  std::thread([&] { put(page[kPage]); }).join();
}

#ifndef __clang__  // whose instrumentation leaves accesses of more than 16 bytes out
// ---- accesses of 32 bytes -------------------------------------------------------------------------------------------

using Wide = long long __attribute__((vector_size(32)));

[[gnu::target("avx"), gnu::noinline]] void put_wide(char* at) {
  *reinterpret_cast<volatile Wide*>(at) = Wide{1, 2, 3, 4};
}
void write_32_bytes(char* at) {
  if (__builtin_cpu_supports("avx") != 0) return put_wide(at);
  for (std::size_t i = 0; i < sizeof(Wide); ++i) put(at[i]);
}

void race_in_wide_vector() {
  alignas(32) static std::array<char, 64> to;
  one_after_the_other([] { write_32_bytes(to.data()); }, [] { put(to[31]); });
}
void clean_beside_wide_vector() {
  alignas(32) static std::array<char, 64> to;
  one_after_the_other([] { write_32_bytes(to.data()); }, [] { put(to[32]); });
}
#endif

constexpr Case kCases[] = {
    VIGIL_CASE(clean_static_that_another_thread_made),
    VIGIL_CASE(clean_through_a_pipe),
    VIGIL_CASE(clean_through_a_socket),
    VIGIL_CASE(clean_through_an_eventfd),
    VIGIL_CASE(clean_by_poll_and_select),
    VIGIL_CASE(clean_by_sigwait),
    VIGIL_CASE(clean_by_a_timers_thread),
    VIGIL_CASE(clean_locked_file),
    VIGIL_CASE(race_beside_a_pipe),
    VIGIL_CASE(clean_c11),
    VIGIL_CASE(clean_mapping_reused),
    VIGIL_CASE(clean_heap_reused),
    VIGIL_CASE(clean_mapping_where_a_block_was),
    VIGIL_CASE(clean_thread_stacks_reused),
    VIGIL_CASE(clean_thread_stacks_reused_after_a_handler),
    VIGIL_CASE(race_between_the_handlers_stack_and_the_threads),
    VIGIL_CASE(race_in_memcpy),
    VIGIL_CASE(clean_memcpy_beside),
    VIGIL_CASE(race_in_small_memcpy),
    VIGIL_CASE(race_in_memset),
    VIGIL_CASE(race_in_strlen),
    VIGIL_CASE(clean_signals_at_the_edges_of_threads),
    VIGIL_CASE(clean_threads_start_with_the_wanted_signals),
#ifndef __clang__
    VIGIL_CASE(race_in_wide_vector),
    VIGIL_CASE(clean_beside_wide_vector),
#endif
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::memory_cases() { return kCases; }
