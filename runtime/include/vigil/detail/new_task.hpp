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

// Instrumented code tells of a closure that is plain bytes as of one write, from one place: a watcher that keeps for
// each of its words who wrote it, and where, has one note for all of them. A hundred bytes less for each task alive.
#if !defined(VIGIL_CLOSURE_IS_TOLD) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VIGIL_CLOSURE_IS_TOLD 1
#endif
#endif
#if defined(VIGIL_CLOSURE_IS_TOLD) || defined(__SANITIZE_THREAD__)
extern "C" void __tsan_write_range(void* at, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier): its name
inline constexpr bool kIsTold = true;
inline void tell_closure(void* at, std::size_t bytes) noexcept { __tsan_write_range(at, bytes); }
#else
inline constexpr bool kIsTold = false;
inline void tell_closure(void* /*at*/, std::size_t /*bytes*/) noexcept {}
#endif
#undef VIGIL_CLOSURE_IS_TOLD
// Small ones: it is copied once more on its way.
template <class Made>
inline constexpr bool kIsPut =
    kIsTold&& std::is_trivially_copyable_v<Made>&& std::is_trivially_move_constructible_v<Made> &&
    alignof(Made) <= alignof(void*) && sizeof(Made) > sizeof(void*) && sizeof(Made) <= 32 * sizeof(void*);
// What tell_closure() told. By value: nobody else can see what it is copied from.
template <class Made>
[[gnu::no_sanitize_thread, gnu::noinline]] void put_closure(void* at, Made made) noexcept {
  ::new (at) Made(std::move(made));
}

template <class After, class Function, class... Arguments>
requires(std::is_trivially_copyable_v<After>) void start_task_then(std::uint32_t flags, After after,
                                                                   Function&& function, Arguments&&... arguments) {
  demand_function(function);
  using Made = ClosureThen<After, std::decay_t<Function>, std::decay_t<Arguments>...>;
  NewTask task(sizeof(Made), alignof(Made));
  void* const at = task.closure();
  if constexpr (kIsPut<Made>) {
    tell_closure(at, sizeof(Made));
    put_closure(at, Made{after, {std::forward<Function>(function), {std::forward<Arguments>(arguments)...}}});
  } else {
    ::new (at) Made{after, {std::forward<Function>(function), {std::forward<Arguments>(arguments)...}}};
  }
  task.start(&Made::run, flags);
}

template <class Function, class... Arguments>
void start_task(std::uint32_t flags, Function&& function, Arguments&&... arguments) {
  demand_function(function);
  using Made = Closure<std::decay_t<Function>, std::decay_t<Arguments>...>;
  NewTask task(sizeof(Made), alignof(Made));
  void* const at = task.closure();
  if constexpr (kIsPut<Made>) {
    tell_closure(at, sizeof(Made));
    put_closure(at, Made{std::forward<Function>(function), {std::forward<Arguments>(arguments)...}});
  } else {
    ::new (at) Made{std::forward<Function>(function), {std::forward<Arguments>(arguments)...}};
  }
  task.start(&Made::run, flags);
}

}  // namespace vigil::detail
