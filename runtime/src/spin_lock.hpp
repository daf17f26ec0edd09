// SpinLock: guards the few instructions in which a primitive changes its state.
//
// A holder never sleeps and never runs user code but an item's move. It may hand the lock to the context it switches
// to, which releases it once its own context is saved: lock and unlock may happen on different stacks, not different
// threads. unlock() is the last touch: whoever sees the lock free may destroy the object it lies in.
#pragma once

#include <atomic>
#include <cstdint>

#include "vigil/detail/wait_queue_head.hpp"

namespace vigil::detail {

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

class SpinLock : private SpinLockWord {
 public:
  constexpr SpinLock() noexcept = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() noexcept {
    // acquire: pairs with the release in unlock(), so the holder sees what the one before it did.
    if (word.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
      lock_slow();
  }
  void unlock() noexcept { word.store(0, std::memory_order_release); }

  // The lock inside a primitive of the public headers.
  static SpinLock& of(SpinLockWord& in_primitive) noexcept { return static_cast<SpinLock&>(in_primitive); }

 private:
  void lock_slow() noexcept;
};
static_assert(sizeof(SpinLock) == sizeof(SpinLockWord));

class SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~SpinGuard() { lock_.unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace vigil::detail
