// WaitGroup: waits until a counted set of work is done.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/wait_queue_head.hpp"
#include "vigil/task.hpp"

namespace vigil {

// Cannot be copied. Ordering: a done() happens before the return of any wait() that it lets go. Source: sync.WaitGroup.
class WaitGroup {
 public:
  constexpr WaitGroup() noexcept = default;
  // Demands that nobody waits: who does waits for ever.
  VIGIL_EXPORT ~WaitGroup();
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;

  // Adds delta, which may be negative, to the counter; at zero every waiter goes on.
  // An add() from zero must be ordered before the wait() it is meant for. Throws Panic, and changes nothing, when the
  // counter would go below zero or beyond 2^63 - 1.
  [[gnu::always_inline]] void add(std::int64_t delta = 1) {
    add_outlined(delta);
    detail::keep_callers_frame();
  }
  // add(-1).
  [[gnu::always_inline]] void done() { add(-1); }
  // Parks the caller until the counter is zero; one who is counted himself waits for ever.
  [[gnu::always_inline]] void wait() {
    wait_outlined();
    detail::keep_callers_frame();
  }

  // add(1), then a task that runs function(arguments...), drops both and calls done(): what the function holds is gone
  // before a wait() returns. Errors are those of vigil::go(); the counter is then as before.
  template <class Function, class... Arguments>
  requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
  void go(Function&& function, Arguments&&... arguments) {
    detail::demand_function(function);
    add(1);
    try {
      detail::start_task_then(
          0, [this] { done(); }, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    } catch (...) {
      done();  // no task came to be
      throw;
    }
  }

 private:
  VIGIL_EXPORT void add_outlined(std::int64_t delta);
  VIGIL_EXPORT void wait_outlined();

  detail::SpinLockWord lock_;
  std::int64_t counter_ = 0;       // guarded by lock_
  detail::WaitQueueHead waiting_;  // guarded by lock_
};

}  // namespace vigil
