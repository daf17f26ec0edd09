// blocking(): a call that blocks its thread, made by a task without holding up the others.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "vigil/detail/export.hpp"

namespace vigil {

namespace detail {
// Runs run(call) on a thread of the runtime's own while the calling task is parked; on a plain thread, at once.
VIGIL_EXPORT void run_blocking(void (*run)(void* call) noexcept, void* call);
}  // namespace detail

// Calls function, which may block the thread (a system call, a foreign lock, a long computation), and returns what it
// returns or throws what it throws. Meanwhile the task is parked and its worker runs others; as many such calls as are
// under way take place at once, each on a thread of its own. From a plain thread it is an ordinary call. function may
// use the task's variables by reference. It is not on the task's thread: thread_local variables, and mutexes that
// belong to a thread, are another's there, and task_id() is None. errno is handed back. Ordering: everything before
// happens before the call, and the call before everything after. Cost: two thread switches, about 10 us; what blocks
// for less is better called directly. Errors: std::system_error when no thread can be made.
template <std::invocable Function>
std::invoke_result_t<Function> blocking(Function&& function) {
  using Result = std::invoke_result_t<Function>;
  constexpr bool kIsVoid = std::is_void_v<Result>;
  constexpr bool kIsReference = std::is_reference_v<Result>;
  struct Call {
    Function&& function;
    std::exception_ptr thrown;
    std::conditional_t<kIsVoid, std::nullptr_t,
                       std::conditional_t<kIsReference, std::remove_reference_t<Result>*, std::optional<Result>>>
        result{};
  } call{std::forward<Function>(function), nullptr};
  detail::run_blocking(
      [](void* self) noexcept {
        Call& made = *static_cast<Call*>(self);
        try {
          if constexpr (kIsVoid)
            std::invoke(std::forward<Function>(made.function));
          else if constexpr (kIsReference)
            made.result = &std::invoke(std::forward<Function>(made.function));
          else
            made.result.emplace(std::invoke(std::forward<Function>(made.function)));
        } catch (...) {
          made.thrown = std::current_exception();
        }
      },
      &call);
  if (call.thrown != nullptr) std::rethrow_exception(std::move(call.thrown));
  if constexpr (kIsReference)
    return static_cast<Result>(*call.result);
  else if constexpr (!kIsVoid)
    return std::move(*call.result);
}

}  // namespace vigil
