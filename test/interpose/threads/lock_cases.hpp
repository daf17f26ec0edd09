// What the cases of locks share.
#pragma once

#include <chrono>
#include <mutex>
#include <span>
#include <thread>

#include <vigil/vigil.hpp>

#include "test/interpose/threads/cases.hpp"

namespace vigil::test {

std::span<const Case> lock_task_cases();

// One after the other, and nothing that the shim knows orders the two.
template <class First, class Second>
void threads_in_turn(First first, Second second) {
  Whistle over;
  std::thread one([&] {
    first();
    over.blow();
  });
  std::thread two([&] {
    over.hear();
    second();
  });
  one.join();
  two.join();
}
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

template <class Outer, class Inner>
void nest(Outer& outer, Inner& inner) {
  const std::lock_guard held(outer);
  const std::lock_guard both(inner);
}

// Long enough for a ring of waits to be found, since that is told while others run.
inline void run_on() { std::this_thread::sleep_for(std::chrono::milliseconds(1000)); }

}  // namespace vigil::test
