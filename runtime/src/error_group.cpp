#include "vigil/error_group.hpp"

#include <atomic>
#include <mutex>
#include <optional>

#include "vigil/channel.hpp"
#include "vigil/mutex.hpp"
#include "vigil/panic.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {

// Shared by the group and its tasks, which may outlive it.
struct ErrorGroup::State {
  WaitGroup running;
  std::atomic<int> active{0};  // tasks; for set_limit() only
  Channel<Unit> slots;         // nil without a limit; an item for each task that runs
  std::optional<CancelCauseContext> own;
  Context context;  // own->ctx, or the background

  Mutex lock;
  std::exception_ptr error;  // the first; guarded by lock

  State() = default;
  // The count of owners orders this after all that they did with the exception. Another sanitizer's runtime does not
  // see that count, but the lock: who threw it has held that, and so has the group's owner, who may have read it.
  ~State() { pass_lock(); }
  void pass_lock() noexcept { const std::scoped_lock held(lock); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void fail(const std::exception_ptr& what) {
    {
      const std::scoped_lock held(lock);
      if (error != nullptr) return;
      error = what;
    }
    if (own) own->cancel(what);
  }

  void end_task() {
    if (!slots.is_nil()) static_cast<void>(slots.try_receive());  // its own item, or one just like it
    // release: pairs with the acquire in set_limit(), which then replaces slots.
    active.fetch_sub(1, std::memory_order_release);
    running.done();
  }
};

ErrorGroup::ErrorGroup() : state_(std::make_shared<State>()) {}

ErrorGroup::ErrorGroup(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
ErrorGroup::~ErrorGroup() { state_->pass_lock(); }
ErrorGroup::ErrorGroup(const Context& parent) : ErrorGroup() {
  state_->own = with_cancel_cause(parent);
  state_->context = state_->own->ctx;
}

// The group cannot be moved: both members are made in their places.
ErrorGroupContext ErrorGroup::with_context(const Context& parent) {
  const auto state = std::make_shared<State>();
  state->own = with_cancel_cause(parent);
  state->context = state->own->ctx;
  return {ErrorGroup(state), state->context};
}

const Context& ErrorGroup::context() const noexcept { return state_->context; }

bool ErrorGroup::start(detail::Job body, bool may_wait) {
  State& state = *state_;
  if (!state.slots.is_nil()) {
    if (may_wait)
      state.slots.send({});
    else if (!state.slots.try_send(Unit{}))
      return false;
  }
  state.active.fetch_add(1, std::memory_order_relaxed);
  state.running.add(1);
  try {
    vigil::go(state.context, [shared = state_, body = std::move(body)]() mutable {
      try {
        const detail::Job mine = std::move(body);  // what it holds goes before wait() returns
        mine();
      } catch (...) {
        shared->fail(std::current_exception());
      }
      shared->end_task();
    });
  } catch (...) {
    state.end_task();  // no task came to be
    throw;
  }
  return true;
}

std::exception_ptr ErrorGroup::wait_for_error() {
  State& state = *state_;
  state.running.wait();
  std::exception_ptr error;
  {
    const std::scoped_lock held(state.lock);
    error = state.error;
  }
  if (state.own) state.own->cancel(error);
  return error;
}

void ErrorGroup::wait_outlined() {
  if (const std::exception_ptr error = wait_for_error(); error != nullptr) std::rethrow_exception(error);
}

void ErrorGroup::set_limit(int tasks) {
  if (state_->active.load(std::memory_order_acquire) != 0)
    throw Panic("errgroup: modify limit while tasks in the group are still active");
  state_->slots = tasks < 0 ? Channel<Unit>() : Channel<Unit>(static_cast<std::size_t>(tasks));
}

}  // namespace vigil
