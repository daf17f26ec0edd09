// Tasks: start them, let others run, sleep, count them.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/duration.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/new_task.hpp"
#include "vigil/probe.h"

namespace vigil {

// 1, 2, 3 ... in order of creation, never reused.
enum class TaskId : std::uint64_t { None = 0 };

// Starts function(arguments...) as a new task, on copies of both (moved where they can be), as std::thread does.
// Does not wait for it and never switches away from the caller. An exception that leaves function ends the program.
// Ordering: everything before go() happens before everything in the task. Source: Go memory model, goroutine creation.
// Cost: O(1), no heap allocation for closures up to 16 KiB. Errors: std::bad_alloc when no stack can be mapped; Panic
// ("go of nil func value") when function is a null pointer or an empty std::function, and in the child of a fork; what
// copying throws. Without a thread for even one worker the program ends; without threads for more there are fewer.
template <class Function, class... Arguments>
requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
void go(Function&& function, Arguments&&... arguments) {
  detail::start_task(0, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

// As go(), for a task that is meant to live as long as the program: never reported as a leak.
template <class Function, class... Arguments>
requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
void daemon(Function&& function, Arguments&&... arguments) {
  detail::start_task(VIGIL_ACTOR_IS_DAEMON, std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

// Lets other tasks run; the caller goes on soon. From a plain thread it yields the processor. Source: runtime.Gosched.
VIGIL_EXPORT void yield();

namespace detail {
VIGIL_EXPORT void sleep_ns(std::int64_t duration_ns);
}

// Parks the caller for at least `duration`; returns at once when it is zero or negative. Source: time.Sleep.
template <class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> duration) {
  detail::sleep_ns(detail::to_ns(duration));
  detail::keep_callers_frame();
}

// How many tasks have been started and have not ended. Plain threads do not count, nor does main.
[[nodiscard]] VIGIL_EXPORT std::size_t task_count() noexcept;

// The task that calls, or TaskId::None on a plain thread.
[[nodiscard]] VIGIL_EXPORT TaskId task_id() noexcept;

// How many tasks may run at the same time. At first: VIGIL_PROCS of the environment, else the number of processors.
// At most 256, and as many as the system gives threads for. A task that has run for 10 ms without parking, while others
// wait for its worker and it uses primitives, does not count: another worker stands in for its own. Returns the setting
// before; n < 1 only asks. May be called at any time. Source: runtime.GOMAXPROCS.
VIGIL_EXPORT int set_max_procs(int n);

}  // namespace vigil
