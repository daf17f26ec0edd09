// ErrorGroup: tasks that work on one thing; the first that fails ends it. Source: golang.org/x/sync/errgroup.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "vigil/context.hpp"
#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/job.hpp"

namespace vigil {

struct ErrorGroupContext;

// A task fails by an exception, of whatever type, or by returning a std::error_code that is not zero
// (std::system_error). Cannot be copied or moved; may go while its tasks run. Ordering: the end of every task happens
// before wait() returns.
class ErrorGroup {
 public:
  // Without a context: the first failure stops nobody.
  VIGIL_EXPORT ErrorGroup();
  // With a context of its own, a child of parent: see context().
  VIGIL_EXPORT explicit ErrorGroup(const Context& parent);
  VIGIL_EXPORT ~ErrorGroup();
  ErrorGroup(const ErrorGroup&) = delete;
  ErrorGroup& operator=(const ErrorGroup&) = delete;

  // The group and its context: auto [group, ctx] = ErrorGroup::with_context(parent);
  [[nodiscard]] VIGIL_EXPORT static ErrorGroupContext with_context(const Context& parent);

  // Done when the first task fails (its exception is the cause), when wait() returns, or with the parent. Without one:
  // the background.
  [[nodiscard]] VIGIL_EXPORT const Context& context() const noexcept;

  // Starts function in a task that belongs to context(). Parks the caller while as many tasks run as set_limit()
  // allows. Throws Panic when function is null, as vigil::go() does.
  template <detail::Callable Function>
  void go(Function&& function) {
    start(body_of(std::forward<Function>(function)), true);
  }
  // The same if that needs no wait; says whether it did.
  template <detail::Callable Function>
  [[nodiscard]] bool try_go(Function&& function) {
    return start(body_of(std::forward<Function>(function)), false);
  }

  // Parks the caller until all tasks have ended, and cancels context(). Throws what the first that failed has thrown;
  // each wait() does. Tasks may be added again afterwards. From one of its own tasks it waits for itself, for ever.
  [[gnu::always_inline]] void wait() {
    wait_outlined();
    detail::keep_callers_frame();
  }
  // The same, and gives it as a value: null when none failed.
  [[nodiscard]] VIGIL_EXPORT std::exception_ptr wait_for_error();

  // At most `tasks` run at once; negative: any number, which is so at first; 0: none can start. Throws Panic while
  // tasks of the group run.
  VIGIL_EXPORT void set_limit(int tasks);

 private:
  VIGIL_EXPORT void wait_outlined();
  struct State;
  explicit ErrorGroup(std::shared_ptr<State> state) noexcept;

  template <class Function>
  static detail::Job body_of(Function&& function) {
    detail::demand_function(function);
    if constexpr (std::is_convertible_v<std::invoke_result_t<std::decay_t<Function>&>, std::error_code>) {
      return [body = std::decay_t<Function>(std::forward<Function>(function))]() mutable {
        if (const std::error_code error = std::invoke(body)) throw std::system_error(error);
      };
    } else {
      return std::forward<Function>(function);
    }
  }
  VIGIL_EXPORT bool start(detail::Job body, bool may_wait);

  std::shared_ptr<State> state_;
};

struct ErrorGroupContext {
  ErrorGroup group;
  Context ctx;
};

}  // namespace vigil
