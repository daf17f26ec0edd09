// run(): a part of the program that main or another plain thread hands to a task and waits for.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {

// Calls function as a task and waits for it; returns what it returns, throws what it throws. From a task it is an
// ordinary call. function may use the caller's variables by reference; the caller's thread sleeps meanwhile.
//
// Go's main is a goroutine. A program whose main takes part in many operations (receives every result, say) does well
// to be `int main() { return vigil::run([] { ... }); }`: a hand-over between two tasks is a switch of stacks, one
// between a task and a plain thread may need the kernel. What blocks a thread (a read, a join) then belongs into
// blocking(), as in any task, and the stack is a task's.
// Ordering: everything before happens before the call, and the call before everything after.
// Cost: a task, and two switches of threads, about 10 us. Errors: std::bad_alloc when no stack can be mapped.
template <std::invocable Function>
std::invoke_result_t<Function> run(Function&& function) {
  using Result = std::invoke_result_t<Function>;
  constexpr bool kIsVoid = std::is_void_v<Result>;
  constexpr bool kIsReference = std::is_reference_v<Result>;
  if (task_id() != TaskId::None) return std::invoke(std::forward<Function>(function));

  std::exception_ptr thrown;
  std::conditional_t<kIsVoid, std::nullptr_t,
                     std::conditional_t<kIsReference, std::remove_reference_t<Result>*, std::optional<Result>>>
      result{};
  WaitGroup returned;
  returned.add(1);
  go([&] {
    try {
      if constexpr (kIsVoid)
        std::invoke(std::forward<Function>(function));
      else if constexpr (kIsReference)
        result = &std::invoke(std::forward<Function>(function));
      else
        result.emplace(std::invoke(std::forward<Function>(function)));
    } catch (...) {
      thrown = std::current_exception();
    }
    returned.done();
  });
  returned.wait();
  if (thrown != nullptr) std::rethrow_exception(std::move(thrown));
  if constexpr (kIsReference)
    return static_cast<Result>(*result);
  else if constexpr (!kIsVoid)
    return std::move(*result);
}

}  // namespace vigil
