// FutexLock: a lock of the shim's own on a raw futex; it never enters a wrapped function.
// 0 free, 1 held, 2 held and somebody may sleep.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim {

class FutexLock {
 public:
  constexpr FutexLock() noexcept = default;
  FutexLock(const FutexLock&) = delete;
  FutexLock& operator=(const FutexLock&) = delete;

  void lock() noexcept {
    std::uint32_t expected = 0;
    // acquire: pairs with the release in unlock().
    if (state_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) [[likely]]
      return;
    lock_slow();
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t expected = 0;
    return state_.compare_exchange_strong(expected, 1, std::memory_order_acquire);
  }
  void unlock() noexcept {
    if (state_.exchange(0, std::memory_order_release) == 2) {
      raw_syscall(SYS_futex, reinterpret_cast<long>(&state_), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
  }
  // In the child of a fork, whose other threads are gone: free whatever they held.
  void reset_after_fork() noexcept { state_.store(0, std::memory_order_relaxed); }  // one thread: nothing to order

 private:
  // What a lock of ours is held for takes less than going to sleep and being woken does, as long as its holder runs.
  [[gnu::noinline]] void lock_slow() noexcept {
    constexpr int kTries = 64;  // pauses: 1 to 2 us, about a sleep and its end
    for (int i = 0; i < kTries; ++i) {
      __builtin_ia32_pause();
      if (state_.load(std::memory_order_relaxed) == 0 && try_lock()) return;
    }
    while (state_.exchange(2, std::memory_order_acquire) != 0) {
      raw_syscall(SYS_futex, reinterpret_cast<long>(&state_), FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
    }
  }

  std::atomic<std::uint32_t> state_{0};
};

}  // namespace vigil::shim
