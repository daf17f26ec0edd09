// What the cases of locks share.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <span>
#include <thread>

#ifndef VIGIL_TEST_UNLINKED  // then the program has nothing to do with vigil
#include <vigil/vigil.hpp>
#endif

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

std::span<const Case> lock_kind_cases();
std::span<const Case> last_wait_cases();
std::span<const Case> in_place_cases();
std::span<const Case> lock_bug_cases();
std::span<const Case> lock_task_cases();
std::span<const Case> lock_smell_cases();
std::span<const Case> unlock_cases();
std::span<const Case> micro_task_cases();

// One after the other, and nothing that the shim knows orders the two.
template <class First, class Second>
void threads_in_turn(First first, Second second) {
  Whistle over;
  std::thread one([&] {
    warm_up();
    first();
    over.blow();
  });
  std::thread two([&] {
    warm_up();
    over.hear();
    second();
  });
  one.join();
  two.join();
}
#ifndef VIGIL_TEST_UNLINKED
template <class First, class Second>
void tasks_in_turn(First first, Second second) {
  Whistle over;
  vigil::WaitGroup both;
  both.go([&] {
    first();
    over.blow();
  });
  both.go([&] {
    over.hear();
    second();
  });
  both.wait();
}
#endif

template <class Outer, class Inner>
void nest(Outer& outer, Inner& inner) {
  const std::lock_guard held(outer);
  const std::lock_guard both(inner);
}

// The same with many other locks held around the outer one, as often as there are.
template <class Lock, std::size_t kMany>
void nest_below(std::array<Lock, kMany>& around, Lock& outer, Lock& inner) {
  const std::lock_guard held(outer);
  for (Lock& one : around) one.lock();
  { const std::lock_guard both(inner); }
  for (std::size_t i = kMany; i-- > 0;) around[i].unlock();
}

// Runs on until the shim has told a deadlock: rings are told while others run. Gives up after a time that no machine
// needs, so that a shim which tells nothing fails the test.
void run_on_until_told();
// Runs on for longer than a ring of waits takes to be told. For what must not be told while the program runs: there is
// nothing to wait for. On a slow machine less is told, not more, so no case can fail of it.
inline void run_on() { std::this_thread::sleep_for(std::chrono::milliseconds(1000)); }

}  // namespace vigil::test
