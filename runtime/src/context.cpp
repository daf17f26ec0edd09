// The public functions of context.hpp, over the tree of context_core.hpp.
#include "vigil/context.hpp"

#include <algorithm>
#include <utility>

#include "runtime/src/clock.hpp"
#include "runtime/src/context_core.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/thread_record.hpp"

namespace vigil {
namespace {

using detail::ContextCore;
using detail::DoneCore;
using detail::FunctionListener;

class Category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "vigil.context"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<ContextError>(value)) {
      case ContextError::Canceled:
        return "context canceled";
      case ContextError::DeadlineExceeded:
        return "context deadline exceeded";
    }
    return "context not done";
  }
};

DoneCore* source_of(const Context& ctx) noexcept {
  const auto& core = ContextCore::of(ctx);
  return core != nullptr ? core->source() : nullptr;
}

std::uint64_t deadline_of(const Context& ctx) noexcept {
  const auto& core = ContextCore::of(ctx);
  return core != nullptr ? core->deadline_ns() : detail::kNoDeadline;
}

std::shared_ptr<DoneCore> make_done_core(const Context& parent, std::uint64_t deadline_ns, std::uint32_t flags) {
  auto core = std::make_shared<DoneCore>(ContextCore::of(parent), deadline_ns);
  core->announce(VIGIL_CONTEXT_CANCELLABLE | flags);
  core->attach();
  return core;
}

}  // namespace

const std::error_category& context_category() noexcept {
  static const Category& category = *new Category;  // NOLINT(bugprone-unhandled-exception-at-new): never destroyed: an
                                                    // error code may outlive static destruction
  return category;
}

// ---- looking at one ----------------------------------------------------------------------------------------------

const ReceiveChannel<Unit>& Context::done() const noexcept {
  static constinit const ReceiveChannel<Unit> never;
  const DoneCore* const source = source_of(*this);
  return source != nullptr ? source->done() : never;
}

std::error_code Context::err() const noexcept {
  DoneCore* const source = source_of(*this);
  const int error = source != nullptr ? source->error() : 0;
  return {error, context_category()};
}

std::exception_ptr Context::cause() const {
  DoneCore* const source = source_of(*this);
  return source != nullptr ? source->cause() : nullptr;
}

std::optional<std::chrono::steady_clock::time_point> Context::deadline() const noexcept {
  const std::uint64_t deadline_ns = deadline_of(*this);
  if (deadline_ns == detail::kNoDeadline) return std::nullopt;
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline_ns));
}

const void* Context::find_value(const std::type_info& key_type, const void* key, const std::type_info& type) const {
  for (const ContextCore* core = core_.get(); core != nullptr; core = core->parent())
    if (core->value() != nullptr && core->value()->has_key(key_type, key)) return core->value()->get(type);
  return nullptr;
}

void Context::tell_read() const noexcept {
  for (const ContextCore* core = core_.get(); core != nullptr; core = core->parent())
    if (core->value() != nullptr) core->tell_read();
}

// ---- making one --------------------------------------------------------------------------------------------------

CancelContext with_cancel(const Context& parent) {
  return ContextCore::cancel_handle(make_done_core(parent, deadline_of(parent), 0));
}

CancelCauseContext with_cancel_cause(const Context& parent) {
  return ContextCore::cancel_cause_handle(make_done_core(parent, deadline_of(parent), 0));
}

CancelContext detail::with_deadline_in(const Context& parent, std::int64_t remaining_ns,
                                       const std::exception_ptr& cause, std::int64_t no_later_ns) {
  std::uint64_t deadline_ns = deadline_after(remaining_ns);
  // Some time has passed since `remaining` was found.
  if (no_later_ns < kAnyTime && !time_is_virtual())
    deadline_ns = std::min(deadline_ns, static_cast<std::uint64_t>(std::max<std::int64_t>(no_later_ns, 1)));
  if (const std::uint64_t parents = deadline_of(parent); parents != kNoDeadline && parents <= deadline_ns)
    return with_cancel(parent);
  const std::shared_ptr<DoneCore> core = make_done_core(parent, deadline_ns, VIGIL_CONTEXT_DEADLINE);
  if (remaining_ns <= 0)
    core->cancel(ContextError::DeadlineExceeded, cause);
  else
    core->start_timer(cause);
  return ContextCore::cancel_handle(core);
}

Context detail::make_value_context(const Context& parent, std::unique_ptr<AnyContextValue> value) {
  auto core =
      std::make_shared<ContextCore>(ContextCore::of(parent), source_of(parent), deadline_of(parent), std::move(value));
  core->tell_read();  // it was made
  core->announce(0);
  return ContextCore::handle(std::move(core));
}

Context without_cancel(const Context& parent) {
  auto core = std::make_shared<ContextCore>(ContextCore::of(parent), nullptr, detail::kNoDeadline, nullptr);
  core->announce(VIGIL_CONTEXT_DETACHED);
  return ContextCore::handle(std::move(core));
}

// ---- acting on one -----------------------------------------------------------------------------------------------

void CancelFunction::cancel() const { core_->cancel(ContextError::Canceled, nullptr); }

void CancelCauseFunction::operator()(const std::exception_ptr& cause) const {
  core_->cancel(ContextError::Canceled, cause);
}

void detail::belong_to(const Context& ctx) noexcept {
  const auto& core = ContextCore::of(ctx);
  if (core != nullptr) vigil_probe_task_context(who(), core.get());
}

StopFunction detail::after_done(const Context& ctx, Job job) {
  auto listener = std::make_shared<FunctionListener>(std::move(job));
  vigil_probe_release(who(), listener.get());
  vigil_probe_let_go(who(), listener.get());
  if (DoneCore* const source = source_of(ctx); source != nullptr) {
    listener->context = std::static_pointer_cast<DoneCore>(source->shared_from_this());
    bool linked = false;
    {
      const SpinGuard held(source->lock());
      linked = source->link_locked(*listener);
      if (linked) listener->self = listener;
    }
    if (!linked) start_function(listener);
  }
  return ContextCore::stop_handle(std::move(listener));
}

bool StopFunction::operator()() const {
  auto& listener = static_cast<FunctionListener&>(*listener_);
  if (const std::shared_ptr<DoneCore> source = listener.context.lock(); source != nullptr) {
    const detail::SpinGuard held(source->lock());
    if (!listener.linked.load(std::memory_order_relaxed)) return false;
    source->unlink_locked(listener);
    listener.self.reset();  // not the last one: listener_
  }
  // acq_rel: with start_function(), which has done with what it found when it lost.
  const bool is_first = !listener.settled.exchange(true, std::memory_order_acq_rel);
  if (!is_first) return false;
  vigil_probe_take_apart(detail::who(), &listener);
  listener.job = {};  // where it is still listed, above a context that has gone, it may stay for long
  return true;
}

detail::FunctionListener::~FunctionListener() { vigil_probe_take_apart(who(), this); }

void detail::start_function(std::shared_ptr<FunctionListener> listener) {
  if (listener->settled.exchange(true, std::memory_order_acq_rel)) return;
  go([listener = std::move(listener)] {
    vigil_probe_acquire(who(), listener.get());
    listener->job();
    vigil_probe_let_go(who(), listener.get());
  });
}

}  // namespace vigil
