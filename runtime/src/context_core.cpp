#include "runtime/src/context_core.hpp"

#include <new>
#include <system_error>
#include <utility>

#include "runtime/src/channel_core.hpp"
#include "runtime/src/clock.hpp"
#include "runtime/src/fatal.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/timer_core.hpp"

namespace vigil::detail {
namespace {

// Ends its context, which it keeps alive until then: somebody may wait for done() alone.
class DeadlineTimer final : public TimerCore {
 public:
  DeadlineTimer(std::shared_ptr<DoneCore> context, std::exception_ptr cause) noexcept
      : context_(std::move(context)), cause_(std::move(cause)) {}  // NOLINT(bugprone-throw-keyword-missing): kept

 private:
  void fire_locked(Inside& inside, WakeList& /*woken*/) noexcept override {
    vigil_probe_acquire(inside.probe(), context_.get());  // the order of with_deadline()
  }
  void fire() noexcept override { context_->cancel(ContextError::DeadlineExceeded, cause_); }

  const std::shared_ptr<DoneCore> context_;
  const std::exception_ptr cause_;
};

}  // namespace

// ---- ContextCore -------------------------------------------------------------------------------------------------

// A long chain goes link by link, not by recursion: a task's stack is small.
ContextCore::~ContextCore() {
  vigil_probe_context_destroy(this);
  if (value_ != nullptr) vigil_probe_take_apart(who(), &value_);
  std::shared_ptr<ContextCore> up = std::move(parent_);
  while (up != nullptr && up.use_count() == 1) {
    std::shared_ptr<ContextCore> next = std::move(up->parent_);
    up = std::move(next);  // `next` of the one that goes here is alive in `up`
  }
}

void ContextCore::tell_read() const noexcept { vigil_probe_let_go(who(), &value_); }

void ContextCore::announce(std::uint32_t flags) const noexcept {
  vigil_probe_context_make(who(), this, parent_.get(), source_ != nullptr ? core_of(source_->done()) : nullptr, flags);
}

CancelContext ContextCore::cancel_handle(const std::shared_ptr<DoneCore>& core) noexcept {
  return {Context(core), CancelFunction(core)};
}
CancelCauseContext ContextCore::cancel_cause_handle(const std::shared_ptr<DoneCore>& core) noexcept {
  return {Context(core), CancelCauseFunction(core)};
}

// ---- DoneCore: life ----------------------------------------------------------------------------------------------

// What is left to do for what has ended once its locks are free.
struct DoneCore::Finished {
  std::shared_ptr<DoneCore> cores;              // descendants, linked through next_finished_
  std::shared_ptr<FunctionListener> functions;  // linked through self
  ChannelListener* channels = nullptr;          // linked through next_finished
  WakeList waiters;

  void wake(Inside& inside) noexcept {
    for (DoneCore* core = cores.get(); core != nullptr; core = core->next_finished_.get())
      core_of(core->done_)->wake_closed(inside);
    for (ChannelListener* left = channels; left != nullptr; left = left->next_finished)
      core_of(left->channel)->wake_closed(inside);
    wake_all(inside.record(), waiters);
  }
  // Outside: what goes here may be the user's.
  void let_go() {
    while (cores != nullptr) {
      const std::shared_ptr<DoneCore> core = std::move(cores);
      cores = std::move(core->next_finished_);
      core->drop_timer();
    }
    while (channels != nullptr) delete std::exchange(channels, channels->next_finished);
    while (functions != nullptr) {
      std::shared_ptr<FunctionListener> function = std::move(functions);
      functions = std::move(function->self);
      start_function(std::move(function));
    }
  }
};

// relaxed: who has a copy makes another. acq_rel: what was done with each copy is before what is told of the last.
void add_canceller(DoneCore& core) noexcept { core.cancellers.fetch_add(1, std::memory_order_relaxed); }
void drop_canceller(DoneCore& core) noexcept {
  if (core.cancellers.fetch_sub(1, std::memory_order_acq_rel) == 1)
    vigil_probe_context_abandon(static_cast<const ContextCore*>(&core));
}

DoneCore::DoneCore(const std::shared_ptr<ContextCore>& parent, std::uint64_t deadline_ns)
    : ContextCore(parent, this, deadline_ns, nullptr),
      ContextListener(Kind::Child),
      above_(parent != nullptr ? parent->source() : nullptr),
      done_(0),
      receive_done_(done_) {}

// Nobody has a handle and there is no child, so only functions and channels can be left in the list. Without anybody
// above they go, too: nobody is left who could end this context.
DoneCore::~DoneCore() {
  leave_parent();
  if (above_ != nullptr && error_.load(std::memory_order_relaxed) == 0) hand_up();
  while (first_ != nullptr) {
    ContextListener& listener = *first_;
    unlink_locked(listener);
    if (listener.kind == Kind::Function)
      static_cast<FunctionListener&>(listener).self.reset();
    else
      delete static_cast<ChannelListener*>(&listener);
  }
  vigil_probe_sync_destroy(this);
}

// What is to happen when the parent is done, although this context will be gone; at once if it is done already.
void DoneCore::hand_up() noexcept {
  constexpr std::uint32_t kOwnHandles = 2;  // done_, receive_done_
  if (core_of(done_)->is_used_beyond(kOwnHandles)) {
    // With no memory left for it, the channel stays open: a destructor cannot say so.
    if (auto* const left_over = new (std::nothrow) ChannelListener(done_); left_over != nullptr)
      static_cast<void>(link_locked(*left_over));
  }
  if (first_ == nullptr) return;
  Finished finished;
  {
    Inside inside;
    {
      const SpinGuard held(above_->lock_);
      while (first_ != nullptr) {
        ContextListener& listener = *first_;
        unlink_locked(listener);
        if (!above_->link_locked(listener)) take_over(inside, listener, finished);
      }
    }
    finished.wake(inside);
  }
  finished.let_go();
}

void DoneCore::attach() {
  if (above_ == nullptr) return;
  {
    const SpinGuard held(above_->lock_);
    if (above_->link_locked(*this)) return;
  }
  cancel(static_cast<ContextError>(above_->error()), above_->cause());
}

void DoneCore::start_timer(const std::exception_ptr& cause) {
  const SpinGuard held(lock_);
  if (error_.load(std::memory_order_relaxed) != 0) return;  // the parent was done
  vigil_probe_release(who(), this);
  timer_ = new DeadlineTimer(std::static_pointer_cast<DoneCore>(shared_from_this()), cause);
  timer_->arm(deadline_ns(), 0);
}

void DoneCore::drop_timer() noexcept {
  TimerCore* timer = nullptr;
  {
    const SpinGuard held(lock_);
    timer = std::exchange(timer_, nullptr);
  }
  if (timer == nullptr) return;
  timer->disarm();
  timer->release();
}

void DoneCore::leave_parent() noexcept {
  // acquire: false is final, and says that whoever unlinked it has done with it.
  if (above_ == nullptr || !linked.load(std::memory_order_acquire)) return;
  const SpinGuard held(above_->lock_);
  if (linked.load(std::memory_order_relaxed)) above_->unlink_locked(*this);
}

bool DoneCore::link_locked(ContextListener& listener) noexcept {
  if (error_.load(std::memory_order_relaxed) != 0) return false;
  listener.previous = nullptr;
  listener.next = first_;
  if (first_ != nullptr) first_->previous = &listener;
  first_ = &listener;
  listener.linked.store(true, std::memory_order_relaxed);
  return true;
}

void DoneCore::unlink_locked(ContextListener& listener) noexcept {
  (listener.previous != nullptr ? listener.previous->next : first_) = listener.next;
  if (listener.next != nullptr) listener.next->previous = listener.previous;
  listener.linked.store(false, std::memory_order_release);
}

// ---- being done --------------------------------------------------------------------------------------------------

int DoneCore::error() noexcept {
  int error = error_.load(std::memory_order_acquire);
  if (error == 0) {
    // acquire: who has seen the channel closed sees this set (the channel's lock lies between), and waits for the rest.
    if (!ending_.load(std::memory_order_acquire)) {
      count_operation();  // somebody may ask again and again
      return 0;
    }
    const SpinGuard held(lock_);
    error = error_.load(std::memory_order_relaxed);
  }
  vigil_probe_acquire(who_acts(), this);
  return error;
}

std::exception_ptr DoneCore::cause() {
  const int error = this->error();
  if (error == 0) return nullptr;
  if (cause_ != nullptr) return cause_;
  return std::make_exception_ptr(std::system_error(make_error_code(static_cast<ContextError>(error))));
}

void DoneCore::end_locked(Inside& inside, int error, const std::exception_ptr& cause) noexcept {
  vigil_probe_context_done(inside.probe(), this, static_cast<std::uint32_t>(error));
  vigil_probe_release(inside.probe(), this);
  // release: pairs with error(). First this, then the channel, then the error: whoever finds one set finds the next.
  ending_.store(true, std::memory_order_release);
  static_cast<void>(core_of(done_)->mark_closed(inside));
  cause_ = cause;
  error_.store(error, std::memory_order_release);
}

// Depth first and without recursion: a chain of contexts may be longer than a stack is deep. The locks from the root
// down to where it works are held (I1).
void DoneCore::end_tree_locked(Inside& inside, DoneCore& root, Finished& finished) noexcept {
  root.came_from_ = nullptr;
  for (DoneCore* at = &root; at != nullptr;) {
    ContextListener* const listener = at->first_;
    if (listener == nullptr) {
      DoneCore* const up = at->came_from_;
      at->lock_.unlock();
      at = up;
      continue;
    }
    if (listener->kind != Kind::Child) {
      at->unlink_locked(*listener);
      take_over(inside, *listener, finished);
      continue;
    }
    auto& child = static_cast<DoneCore&>(*listener);
    // Before it is unlinked: one that is just being destroyed waits for our lock, and then may go.
    auto alive = std::static_pointer_cast<DoneCore>(child.weak_from_this().lock());
    at->unlink_locked(child);
    if (alive == nullptr) continue;
    child.lock_.lock();
    if (child.error_.load(std::memory_order_relaxed) != 0) {
      // Its own cancel() was faster and waits for our lock to unlink it; so that has a reference, and ours is not the
      // last.
      child.lock_.unlock();
      continue;
    }
    child.end_locked(inside, root.error_.load(std::memory_order_relaxed), root.cause_);
    child.next_finished_ = std::exchange(finished.cores, std::move(alive));
    child.came_from_ = at;
    at = &child;
  }
}

void DoneCore::take_over(Inside& inside, ContextListener& unlinked, Finished& finished) noexcept {
  switch (unlinked.kind) {
    case Kind::Child:
      fatal("a child context is no listener to take over");
    case Kind::Waiter: {
      Waiter& waiter = static_cast<WaitListener&>(unlinked).waiter;
      if (waiter.race->claim(waiter.index)) finished.waiters.add(waiter);
      break;
    }
    case Kind::Function: {
      auto& function = static_cast<FunctionListener&>(unlinked);
      std::swap(function.self, finished.functions);  // self now links the next one
      break;
    }
    case Kind::Channel: {
      auto& left_over = static_cast<ChannelListener&>(unlinked);
      static_cast<void>(core_of(left_over.channel)->mark_closed(inside));
      left_over.next_finished = std::exchange(finished.channels, &left_over);
      break;
    }
  }
}

void DoneCore::cancel(ContextError reason, const std::exception_ptr& cause) {
  Finished finished;
  {
    Inside inside;
    lock_.lock();
    if (error_.load(std::memory_order_relaxed) != 0) {
      lock_.unlock();
      return;
    }
    end_locked(inside, static_cast<int>(reason), cause);
    end_tree_locked(inside, *this, finished);
    core_of(done_)->wake_closed(inside);
    finished.wake(inside);
  }
  leave_parent();
  drop_timer();
  finished.let_go();
}

}  // namespace vigil::detail
