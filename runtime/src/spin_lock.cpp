#include "runtime/src/spin_lock.hpp"

#include <ctime>

#include <sched.h>

namespace vigil::detail {

// Spins while the holder is likely to be running, then gives the processor away: with more threads than processors the
// holder may have been preempted, and spinning would only keep it from running.
void SpinLock::lock_slow() noexcept {
  constexpr int kSpins = 200;    // of one pause each, about 5 us: longer than any critical section of ours
  constexpr int kYields = 1000;  // after that the holder is starved by others of higher priority: sleep
  for (int round = 0;; ++round) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (word.load(std::memory_order_relaxed) == 0 && word.exchange(1, std::memory_order_acquire) == 0) return;
      cpu_relax();
    }
    if (round < kYields) {
      sched_yield();
    } else {
      const timespec nap{0, 50'000};
      nanosleep(&nap, nullptr);
    }
  }
}

}  // namespace vigil::detail
