// NewTask: the two steps in which go() makes a task: take a stack with room for the closure, then start.
//
// Between the two the closure is built in place, at the top of the task's own stack: starting a task allocates nothing
// on the heap (closures above kMaxClosureBytes excepted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "vigil/detail/callable.hpp"
#include "vigil/detail/export.hpp"

namespace vigil::detail {

struct Task;

class NewTask {
 public:
  // Throws std::bad_alloc when the system gives no more stacks.
  VIGIL_EXPORT NewTask(std::size_t closure_bytes, std::size_t closure_alignment);
  VIGIL_EXPORT ~NewTask();  // gives the stack back unless start() was called
  NewTask(const NewTask&) = delete;
  NewTask& operator=(const NewTask&) = delete;

  [[nodiscard]] void* closure() const noexcept { return closure_; }
  // run(closure) is the whole life of the task; it also ends the closure's. flags: VIGIL_ACTOR_... of probe.h.
  VIGIL_EXPORT void start(void (*run)(void* closure), std::uint32_t flags) noexcept;

 private:
  Task* task_;
  void* closure_;
};

template <class Function, class... Arguments>
struct Closure {
  Function function;
  std::tuple<Arguments...> arguments;

  static void run(void* self) {
    struct Ended {
      Closure* closure;
      ~Ended() { closure->~Closure(); }
    };
    const Ended ended{static_cast<Closure*>(self)};
    static_cast<void>(std::apply(
        [&](Arguments&... each) {
          static_cast<void>(std::invoke(std::move(ended.closure->function), std::move(each)...));
        },
        ended.closure->arguments));
  }
};

// One after which something is to be done: when function and arguments are gone, and not if it throws.
template <class After, class Function, class... Arguments>
struct ClosureThen {
  After after;
  Closure<Function, Arguments...> closure;

  static void run(void* self) {
    auto* const whole = static_cast<ClosureThen*>(self);
    const After after = whole->after;
    Closure<Function, Arguments...>::run(&whole->closure);
    after();
  }
};

template <class After, class Function, class... Arguments>
requires(std::is_trivially_copyable_v<After>) void start_task_then(std::uint32_t flags, After after,
                                                                   Function&& function, Arguments&&... arguments) {
  demand_function(function);
  using Made = ClosureThen<After, std::decay_t<Function>, std::decay_t<Arguments>...>;
  NewTask task(sizeof(Made), alignof(Made));
  ::new (task.closure()) Made{after, {std::forward<Function>(function), {std::forward<Arguments>(arguments)...}}};
  task.start(&Made::run, flags);
}

template <class Function, class... Arguments>
void start_task(std::uint32_t flags, Function&& function, Arguments&&... arguments) {
  demand_function(function);
  using Made = Closure<std::decay_t<Function>, std::decay_t<Arguments>...>;
  NewTask task(sizeof(Made), alignof(Made));
  ::new (task.closure()) Made{std::forward<Function>(function), {std::forward<Arguments>(arguments)...}};
  task.start(&Made::run, flags);
}

}  // namespace vigil::detail
