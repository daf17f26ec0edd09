// Once: does something exactly once, however many tasks and threads ask for it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <utility>

#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil {

// Cannot be copied. Demands that it outlives every call(): who waits in one for the first to end waits for ever else.
// Ordering: the return of the one call of f happens before the return of every call(). Source: sync.Once.
class Once {
 public:
  constexpr Once() noexcept = default;
  VIGIL_EXPORT ~Once();
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  // Calls f if this is the first call() of this Once; else parks the caller until that first f has ended.
  // An exception of f leaves the call() that made it, and f counts as done, as a panic does in Go: the others return.
  // Calling it from f waits for itself: a deadlock. Cost once done: one load.
  template <std::invocable Function>
  void call(Function&& f) {
    if (!begin()) return;
    struct Ended {
      Once* once;
      ~Ended() { once->end(); }
    };
    const Ended ended{this};
    static_cast<void>(std::invoke(std::forward<Function>(f)));
  }

 private:
  // True: the caller is the first and must call end().
  [[nodiscard]] VIGIL_EXPORT bool begin();
  VIGIL_EXPORT void end();
  [[nodiscard]] bool begin_slow();

  std::atomic<std::uint32_t> state_{0};  // idle, running, done: see once.cpp
  detail::SpinLockWord lock_;
  detail::WaitQueueHead waiting_;  // guarded by lock_; empty but while running
};

}  // namespace vigil
