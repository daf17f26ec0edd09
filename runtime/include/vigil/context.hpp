// Context: cancellation, deadlines and values, handed down explicitly from a task to those it starts. Source: Go
// package context.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "vigil/channel.hpp"
#include "vigil/detail/callers_frame.hpp"
#include "vigil/detail/duration.hpp"
#include "vigil/detail/export.hpp"
#include "vigil/detail/job.hpp"
#include "vigil/task.hpp"

namespace vigil {

// Why a context is done. Compares with Context::err().
enum class ContextError { Canceled = 1, DeadlineExceeded = 2 };

VIGIL_EXPORT const std::error_category& context_category() noexcept;
inline std::error_code make_error_code(ContextError error) noexcept {
  return {static_cast<int>(error), context_category()};
}

class Context;

namespace detail {

class ContextCore;
class DoneCore;
struct ContextListener;

// What with_value() hangs into the tree.
class AnyContextValue {
 public:
  AnyContextValue() = default;
  AnyContextValue(const AnyContextValue&) = delete;
  AnyContextValue& operator=(const AnyContextValue&) = delete;
  virtual ~AnyContextValue() = default;
  [[nodiscard]] virtual bool has_key(const std::type_info& type, const void* key) const = 0;
  [[nodiscard]] virtual const void* get(const std::type_info& type) const noexcept = 0;  // null: of another type
};

// Character strings are kept, and compared, as std::string.
template <class T>
using Kept = std::conditional_t<std::is_convertible_v<const T&, std::string_view>, std::string, std::decay_t<T>>;

template <class Key, class T>
class ContextValue final : public AnyContextValue {
 public:
  template <class GivenKey, class Given>
  ContextValue(GivenKey&& key, Given&& value) : key_(std::forward<GivenKey>(key)), value_(std::forward<Given>(value)) {}
  [[nodiscard]] bool has_key(const std::type_info& type, const void* key) const override {
    if (type != typeid(Key)) return false;
    if constexpr (std::is_empty_v<Key> && !std::equality_comparable<Key>)
      return true;  // the type is the key
    else
      return *static_cast<const Key*>(key) == key_;
  }
  [[nodiscard]] const void* get(const std::type_info& type) const noexcept override {
    return type == typeid(T) ? std::addressof(value_) : nullptr;
  }

 private:
  const Key key_;
  const T value_;
};

[[nodiscard]] VIGIL_EXPORT Context make_value_context(const Context& parent, std::unique_ptr<AnyContextValue> value);
// The task that calls belongs to ctx: a watcher is told.
VIGIL_EXPORT void belong_to(const Context& ctx) noexcept;

// One copy of a cancel function. The copies are counted: with the last goes the only way to call it, and a watcher is
// told. The context itself is let go of here and not in the library, where a race detector would not see it.
VIGIL_EXPORT void add_canceller(DoneCore& core) noexcept;
VIGIL_EXPORT void drop_canceller(DoneCore& core) noexcept;
class Canceller {
 public:
  explicit Canceller(std::shared_ptr<DoneCore> core) noexcept : core_(std::move(core)) { add_canceller(*core_); }
  Canceller(const Canceller& other) noexcept : core_(other.core_) { add_canceller(*core_); }
  Canceller& operator=(const Canceller& other) noexcept {
    Canceller copy(other);
    core_.swap(copy.core_);
    return *this;
  }
  ~Canceller() { drop_canceller(*core_); }
  DoneCore* operator->() const noexcept { return core_.get(); }

 private:
  std::shared_ptr<DoneCore> core_;  // never null
};

}  // namespace detail

// A value: copies are the same context, one that was moved from is the background. Safe to use from any task or thread.
class Context {
 public:
  // The root: never done, without a deadline and without values.
  Context() noexcept = default;

  // Closed when the context is done; nil when it can never be. Its closing happens before whatever follows a receive
  // from it. The reference is valid as long as a copy of the context lives. A copy of the channel may outlive the
  // context and its cancel function: it is closed by the deadline, or when the parent is done.
  [[nodiscard]] VIGIL_EXPORT const ReceiveChannel<Unit>& done() const noexcept;
  // False (zero) while done() is open, then ContextError: why. Never changes again.
  [[nodiscard]] VIGIL_EXPORT std::error_code err() const noexcept;
  // Null while done() is open; then what with_cancel_cause() was cancelled with, here or above, or err() as a
  // std::system_error.
  [[nodiscard]] VIGIL_EXPORT std::exception_ptr cause() const;
  // When it will be done at the latest; empty without a deadline. One before the steady clock's first moment is that.
  [[nodiscard]] VIGIL_EXPORT std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept;

  // The value that with_value() gave it, or the nearest ancestor, for an equal key of the same type; empty when there
  // is none, or when it is not a T. Cost: one step for each ancestor.
  template <std::copy_constructible T, class Key>
  [[nodiscard]] std::optional<T> value(const Key& key) const {
    const detail::Kept<Key>& kept = key;
    const void* const found = find_value(typeid(detail::Kept<Key>), std::addressof(kept), typeid(T));
    std::optional<T> copy;
    if (found != nullptr) copy.emplace(*static_cast<const T*>(found));
    tell_read();
    return copy;
  }

  friend bool operator==(const Context& a, const Context& b) noexcept { return a.core_ == b.core_; }

 private:
  friend class detail::ContextCore;
  explicit Context(std::shared_ptr<detail::ContextCore> core) noexcept : core_(std::move(core)) {}
  [[nodiscard]] VIGIL_EXPORT const void* find_value(const std::type_info& key_type, const void* key,
                                                    const std::type_info& type) const;
  // To a watcher: keys and values from here up were looked at; whoever takes them apart comes after that.
  VIGIL_EXPORT void tell_read() const noexcept;
  std::shared_ptr<detail::ContextCore> core_;  // null: background
};

// Makes its context done, and all below it, before it returns. May be copied (moving copies), called any number of
// times, and from any task or thread; only the first call acts.
class CancelFunction {
 public:
  CancelFunction(const CancelFunction&) noexcept = default;
  CancelFunction& operator=(const CancelFunction&) noexcept = default;
  ~CancelFunction() = default;
  [[gnu::always_inline]] void operator()() const {
    cancel();
    detail::keep_callers_frame();
  }

 private:
  VIGIL_EXPORT void cancel() const;
  friend class detail::ContextCore;
  explicit CancelFunction(std::shared_ptr<detail::DoneCore> core) noexcept : core_(std::move(core)) {}
  detail::Canceller core_;
};

// The same, and says why: cause() of the context and of those below gives it back.
class CancelCauseFunction {
 public:
  CancelCauseFunction(const CancelCauseFunction&) noexcept = default;
  CancelCauseFunction& operator=(const CancelCauseFunction&) noexcept = default;
  ~CancelCauseFunction() = default;
  // Null: as CancelFunction.
  VIGIL_EXPORT void operator()(const std::exception_ptr& cause = nullptr) const;
  template <class Exception>
  requires std::derived_from<std::decay_t<Exception>, std::exception>
  void operator()(Exception&& exception) const { (*this)(std::make_exception_ptr(std::forward<Exception>(exception))); }

 private:
  friend class detail::ContextCore;
  explicit CancelCauseFunction(std::shared_ptr<detail::DoneCore> core) noexcept : core_(std::move(core)) {}
  detail::Canceller core_;
};

struct CancelContext {
  Context ctx;
  CancelFunction cancel;
};
struct CancelCauseContext {
  Context ctx;
  CancelCauseFunction cancel;
};

// ---- making one --------------------------------------------------------------------------------------------------

[[nodiscard]] inline Context background() noexcept { return {}; }
// The same, where it is not clear yet which context to use.
[[nodiscard]] inline Context todo() noexcept { return {}; }

// A context that is done when cancel is called or when parent is done, whichever comes first. The one who makes it
// calls cancel on every path: until then it takes room in its parent.
[[nodiscard]] VIGIL_EXPORT CancelContext with_cancel(const Context& parent);
[[nodiscard]] VIGIL_EXPORT CancelCauseContext with_cancel_cause(const Context& parent);

namespace detail {
// cause: null for none. no_later_ns: of the steady clock.
inline constexpr std::int64_t kAnyTime = std::int64_t{1} << 62;
[[nodiscard]] VIGIL_EXPORT CancelContext with_deadline_in(const Context& parent, std::int64_t remaining_ns,
                                                          const std::exception_ptr& cause = nullptr,
                                                          std::int64_t no_later_ns = kAnyTime);
// Exactly that moment, where its clock is the one by which deadlines are kept.
template <class Clock, class Duration>
[[nodiscard]] CancelContext with_deadline_at(const Context& parent, std::chrono::time_point<Clock, Duration> when,
                                             const std::exception_ptr& cause = nullptr) {
  std::int64_t no_later_ns = kAnyTime;
  if constexpr (std::same_as<Clock, std::chrono::steady_clock>) no_later_ns = to_ns(when.time_since_epoch());
  return with_deadline_in(parent, until_ns(when), cause, no_later_ns);
}
template <class Exception>
[[nodiscard]] std::exception_ptr as_cause(Exception&& exception) {
  if constexpr (std::convertible_to<Exception, std::exception_ptr>)
    return std::forward<Exception>(exception);
  else
    return std::make_exception_ptr(std::forward<Exception>(exception));
}
}  // namespace detail

// What a cancel takes: an exception, or a pointer to one.
template <class T>
concept Cause = std::convertible_to<T, std::exception_ptr> || std::derived_from<std::decay_t<T>, std::exception>;

// Done also when the time is over, with DeadlineExceeded; at once when it is over already. A parent's earlier deadline
// holds.
template <class Clock, class Duration>
[[nodiscard]] CancelContext with_deadline(const Context& parent, std::chrono::time_point<Clock, Duration> when) {
  return detail::with_deadline_at(parent, when);
}
template <class Rep, class Period>
[[nodiscard]] CancelContext with_timeout(const Context& parent, std::chrono::duration<Rep, Period> duration) {
  return detail::with_deadline_in(parent, detail::to_ns(duration));
}
// The same, and cause() is this one when the time is over. cancel does not set it, nor does a parent's deadline.
template <class Clock, class Duration, Cause Exception>
[[nodiscard]] CancelContext with_deadline_cause(const Context& parent, std::chrono::time_point<Clock, Duration> when,
                                                Exception&& cause) {
  return detail::with_deadline_at(parent, when, detail::as_cause(std::forward<Exception>(cause)));
}
template <class Rep, class Period, Cause Exception>
[[nodiscard]] CancelContext with_timeout_cause(const Context& parent, std::chrono::duration<Rep, Period> duration,
                                               Exception&& cause) {
  return detail::with_deadline_in(parent, detail::to_ns(duration), detail::as_cause(std::forward<Exception>(cause)));
}

// The parent with a value for key. Keys of different types differ, so a key of a type of one's own collides with
// nobody's (an empty one needs no ==), nor does the address of an object. Character strings are keys, and values, as
// std::string.
template <class Key, class T>
[[nodiscard]] Context with_value(const Context& parent, Key&& key, T&& value) {
  using Value = detail::ContextValue<detail::Kept<std::remove_cvref_t<Key>>, detail::Kept<std::remove_cvref_t<T>>>;
  return detail::make_value_context(parent, std::make_unique<Value>(std::forward<Key>(key), std::forward<T>(value)));
}

// The parent's values, without its cancellation and its deadline.
[[nodiscard]] VIGIL_EXPORT Context without_cancel(const Context& parent);

// ---- acting on one -----------------------------------------------------------------------------------------------

// Takes back an after_func(). May be copied (moving copies).
class StopFunction {
 public:
  StopFunction(const StopFunction&) noexcept = default;
  StopFunction& operator=(const StopFunction&) noexcept = default;
  ~StopFunction() = default;
  // True: the function will not be called; false: it has been started, or this was said before.
  VIGIL_EXPORT bool operator()() const;

 private:
  friend class detail::ContextCore;
  explicit StopFunction(std::shared_ptr<detail::ContextListener> listener) noexcept : listener_(std::move(listener)) {}
  std::shared_ptr<detail::ContextListener> listener_;
};

namespace detail {
VIGIL_EXPORT StopFunction after_done(const Context& ctx, Job job);
}

// Calls function in a task of its own once ctx is done; at once when it is. It need not be kept alive for that: once
// the last handle of ctx has gone, its deadline or its parent's end counts. Ordering: after_func() happens before the
// call. Throws Panic when function is null, as go() does.
template <std::invocable Function>
StopFunction after_func(const Context& ctx, Function&& function) {
  return detail::after_done(ctx, detail::Job(std::forward<Function>(function)));
}

// Starts function(ctx, arguments...), or function(arguments...) where it takes no context, as a task that belongs to
// ctx: the task keeps ctx alive, and a watcher that finds it alive long after the cancel says so. Cancelling does not
// end it by itself: function looks at ctx.done(). Otherwise as go(function, arguments...).
template <class Function, class... Arguments>
requires(std::invocable<std::decay_t<Function>, Context, std::decay_t<Arguments>...> ||
         std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>) void go(const Context& ctx,
                                                                                     Function&& function,
                                                                                     Arguments&&... arguments) {
  detail::demand_function(function);
  go(
      [ctx](std::decay_t<Function> body, std::decay_t<Arguments>... each) {
        detail::belong_to(ctx);
        if constexpr (std::invocable<std::decay_t<Function>, Context, std::decay_t<Arguments>...>)
          static_cast<void>(std::invoke(std::move(body), ctx, std::move(each)...));
        else
          static_cast<void>(std::invoke(std::move(body), std::move(each)...));
      },
      std::forward<Function>(function), std::forward<Arguments>(arguments)...);
}

}  // namespace vigil

template <>
struct std::is_error_code_enum<vigil::ContextError> : std::true_type {};
