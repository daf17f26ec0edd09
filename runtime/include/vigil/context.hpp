// Context: cancellation handed down explicitly from a task to those it starts. Source: Go package context.
#pragma once

#include <memory>
#include <system_error>

#include "vigil/channel.hpp"
#include "vigil/detail/export.hpp"

namespace vigil {

// Why a context is done. Compares with Context::err().
enum class ContextError { Canceled = 1, DeadlineExceeded = 2 };

VIGIL_EXPORT const std::error_category& context_category() noexcept;
inline std::error_code make_error_code(ContextError error) noexcept {
  return {static_cast<int>(error), context_category()};
}

namespace detail {
class ContextCore;
}

struct CancelContext;

// A value: copies are the same context. Safe to use from any task or thread.
class Context {
 public:
  // The root: never done.
  Context() noexcept = default;

  // Closed when the context is done; nil when it can never be. Valid as long as a copy of the context lives.
  [[nodiscard]] VIGIL_EXPORT const ReceiveChannel<Unit>& done() const noexcept;
  // False (zero) until the context is done, then ContextError: why.
  [[nodiscard]] VIGIL_EXPORT std::error_code err() const noexcept;

  friend bool operator==(const Context& a, const Context& b) noexcept { return a.core_ == b.core_; }

 private:
  friend VIGIL_EXPORT CancelContext with_cancel(const Context& parent);
  explicit Context(std::shared_ptr<detail::ContextCore> core) noexcept : core_(std::move(core)) {}
  std::shared_ptr<detail::ContextCore> core_;  // null: background
};

// Makes its context done. May be copied, called any number of times, and from any task or thread; only the first call
// acts.
class CancelFunction {
 public:
  VIGIL_EXPORT void operator()() const;

 private:
  friend VIGIL_EXPORT CancelContext with_cancel(const Context& parent);
  explicit CancelFunction(std::shared_ptr<detail::ContextCore> core) noexcept : core_(std::move(core)) {}
  std::shared_ptr<detail::ContextCore> core_;
};

struct CancelContext {
  Context ctx;
  CancelFunction cancel;
};

[[nodiscard]] inline Context background() noexcept { return {}; }

// A context that is done when cancel is called or when parent is done. The one who makes it calls cancel on every path.
[[nodiscard]] VIGIL_EXPORT CancelContext with_cancel(const Context& parent);

}  // namespace vigil

template <>
struct std::is_error_code_enum<vigil::ContextError> : std::true_type {};
