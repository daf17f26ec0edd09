// Waits for a value in memory, as the standard library makes them (futexes), and for initialisers that run once.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>

#include "test/interpose/threads/stuck_cases.hpp"

namespace vigil::test {
namespace {

void stuck_future_without_a_value() {
  std::promise<int> never;
  std::thread other([&] { never.get_future().wait(); });
  other.join();
}

void stuck_atomic_nobody_changes() {
  std::atomic<int> ready{0};
  std::thread other([&] { ready.wait(0); });
  other.join();
}

void stuck_latch_and_semaphore() {
  std::latch two_of_three(3);
  std::counting_semaphore<> none(0);
  std::thread other([&] { none.acquire(); });
  two_of_three.count_down(2);
  two_of_three.wait();
  other.join();
}

void stuck_barrier_of_the_standard_library() {
  std::barrier three(3);
  std::thread other([&] { three.arrive_and_wait(); });
  three.arrive_and_wait();
  other.join();
}

void stuck_once_within_itself() {
  static std::once_flag once;
  std::thread other([] { std::call_once(once, [] { std::call_once(once, [] {}); }); });
  other.join();
}

// Each of two static variables needs the other, and two threads begin with one each.
Whistle first_has_begun;
Whistle second_has_begun;
int second_of_two();
int first_of_two() {
  static const int value = [] {
    first_has_begun.blow();
    second_has_begun.hear();
    return second_of_two() + 1;
  }();
  return value;
}
int second_of_two() {
  static const int value = [] {
    second_has_begun.blow();
    first_has_begun.hear();
    return first_of_two() + 1;
  }();
  return value;
}
void stuck_static_variables() {
  std::thread other([] { first_of_two(); });
  second_of_two();
  other.join();
}

void moves_once_that_throws() {
  std::once_flag once;
  Whistle begun;
  Whistle waits;
  std::thread first([&] {
    try {
      std::call_once(once, [&] {
        begun.blow();
        waits.hear();
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        throw 1;
      });
    } catch (int) {
    }
  });
  begun.hear();
  waits.blow();
  int calls = 0;
  std::call_once(once, [&] { calls = 1; });
  if (calls != 1) std::abort();
  first.join();
}

// The word is another process's, too, though nothing in the call says so.
void moves_word_that_another_process_changes() {
  void* const memory = mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* const word = static_cast<int*>(memory);
  if (fork() == 0) {
    usleep(400'000);
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, 1 /* FUTEX_WAKE */, 1, nullptr, nullptr, 0);
    _exit(0);
  }
  std::thread other([=] {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
      syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, 0, nullptr, nullptr, 0);
  });
  other.join();
}

std::atomic<int> woken_by_handler{0};

void moves_atomic_that_a_signal_handler_changes() {
  std::signal(SIGALRM, [](int) {
    woken_by_handler = 1;
    woken_by_handler.notify_all();
  });
  std::thread other([] { woken_by_handler.wait(0); });
  ualarm(400'000, 0);
  other.join();
}

constexpr Case kCases[] = {
    VIGIL_CASE(stuck_future_without_a_value),
    VIGIL_CASE(stuck_atomic_nobody_changes),
    VIGIL_CASE(stuck_latch_and_semaphore),
    VIGIL_CASE(stuck_barrier_of_the_standard_library),
    VIGIL_CASE(stuck_once_within_itself),
    VIGIL_CASE(stuck_static_variables),
    VIGIL_CASE(moves_once_that_throws),
    VIGIL_CASE(moves_word_that_another_process_changes),
    VIGIL_CASE(moves_atomic_that_a_signal_handler_changes),
};

}  // namespace

std::span<const Case> word_cases() { return kCases; }

}  // namespace vigil::test
