// ContextCore: one context of the tree; DoneCore: one that can be done.
//
// A child keeps its parent alive; a parent knows those of its descendants that can be done, nearest first, only as long
// as they live. Locks go from parent to child, then to a timer's, then to a channel's or the heap's. Invariants,
// whenever a DoneCore's lock_ is free:
//   I1  error_ != 0 stays as it is, and means: the channel is closed, no listener is left, and the same holds for all
//       descendants. So cancel() by a second caller returns only when everything below is done, too.
//   I2  a listener is in the list exactly while its `linked` is set; who took it out owns what comes next.
// A context that goes without being done, because its last handle does, may leave something that its parent's end must
// still reach, as Go's would: a copy of its done() channel, or an after_func(). It hands them up to the parent's list.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

#include "runtime/src/park.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/thread_record.hpp"
#include "runtime/src/waiter.hpp"
#include "vigil/context.hpp"
#include "vigil/detail/job.hpp"

namespace vigil::detail {

class TimerCore;

// Something that happens when a context is done. Guarded by that context's lock.
struct ContextListener {
  enum class Kind : std::uint8_t { Child, Function, Waiter, Channel };
  explicit ContextListener(Kind sort) noexcept : kind(sort) {}
  const Kind kind;
  std::atomic<bool> linked{false};  // a child's destructor reads it without the lock: false is final
  ContextListener* next = nullptr;
  ContextListener* previous = nullptr;
};

// after_func(): runs in a task of its own.
struct FunctionListener : ContextListener {
  explicit FunctionListener(Job given) noexcept : ContextListener(Kind::Function), job(std::move(given)) {}
  ~FunctionListener();
  FunctionListener(const FunctionListener&) = delete;
  FunctionListener& operator=(const FunctionListener&) = delete;
  Job job;
  std::weak_ptr<DoneCore> context;         // where it was asked for; if that has gone, it may be in the parent's list
  std::shared_ptr<FunctionListener> self;  // while linked; then the next one to start
  std::atomic<bool> settled{false};        // started, or taken back: who sets it decides
};
// In a task, unless it has been taken back. Outside all locks.
void start_function(std::shared_ptr<FunctionListener> listener);

// The done() channel of a context that has gone, in the list of one above, which owns it.
struct ChannelListener : ContextListener {
  explicit ChannelListener(Channel<Unit> given) noexcept : ContextListener(Kind::Channel), channel(std::move(given)) {}
  const Channel<Unit> channel;
  ChannelListener* next_finished = nullptr;
};

// An actor that waits for something else, too. `waiter.race` decides.
struct WaitListener : ContextListener {
  WaitListener() noexcept : ContextListener(Kind::Waiter) {}
  Waiter waiter;
};

class ContextCore : public std::enable_shared_from_this<ContextCore> {
 public:
  // source: null when it can never be done.
  ContextCore(std::shared_ptr<ContextCore> parent, DoneCore* source, std::uint64_t deadline_ns,
              std::unique_ptr<AnyContextValue> value) noexcept
      : parent_(std::move(parent)), source_(source), deadline_ns_(deadline_ns), value_(std::move(value)) {}
  virtual ~ContextCore();
  ContextCore(const ContextCore&) = delete;
  ContextCore& operator=(const ContextCore&) = delete;

  // The nearest, from here upwards, that can be done; null when there is none.
  [[nodiscard]] DoneCore* source() const noexcept { return source_; }
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept { return deadline_ns_; }  // kNoDeadline: none
  [[nodiscard]] const ContextCore* parent() const noexcept { return parent_.get(); }
  [[nodiscard]] const AnyContextValue* value() const noexcept { return value_.get(); }
  // Tells the watcher that the caller has looked at the value, which somebody else may take apart.
  void tell_read() const noexcept;
  // Tells the watcher.
  void announce(std::uint32_t flags) const noexcept;

  // Between the handles and what they hold.
  static const std::shared_ptr<ContextCore>& of(const Context& ctx) noexcept { return ctx.core_; }
  static Context handle(std::shared_ptr<ContextCore> core) noexcept { return Context(std::move(core)); }
  static CancelContext cancel_handle(const std::shared_ptr<DoneCore>& core) noexcept;
  static CancelCauseContext cancel_cause_handle(const std::shared_ptr<DoneCore>& core) noexcept;
  static StopFunction stop_handle(std::shared_ptr<ContextListener> listener) noexcept {
    return StopFunction(std::move(listener));
  }

 private:
  std::shared_ptr<ContextCore> parent_;
  DoneCore* const source_;  // this, or kept alive through parent_
  const std::uint64_t deadline_ns_;
  const std::unique_ptr<AnyContextValue> value_;
};

class DoneCore final : public ContextCore, private ContextListener {
 public:
  DoneCore(const std::shared_ptr<ContextCore>& parent, std::uint64_t deadline_ns);
  ~DoneCore() override;

  // After construction: becomes done with its parent, at once if that is; and by its own deadline, if it has one.
  void attach();
  void start_timer(const std::exception_ptr& cause);

  void cancel(ContextError reason, const std::exception_ptr& cause);
  // Zero while it is not done.
  [[nodiscard]] int error() noexcept;
  [[nodiscard]] std::exception_ptr cause();
  [[nodiscard]] const ReceiveChannel<Unit>& done() const noexcept { return receive_done_; }

  std::atomic<std::uint32_t> cancellers{0};  // copies of its cancel function

  SpinLock& lock() noexcept { return lock_; }
  // With lock() held. False: it is done already, nothing was linked.
  [[nodiscard]] bool link_locked(ContextListener& listener) noexcept;
  void unlink_locked(ContextListener& listener) noexcept;

 private:
  struct Finished;
  void end_locked(Inside& inside, int error, const std::exception_ptr& cause) noexcept;
  static void end_tree_locked(Inside& inside, DoneCore& root, Finished& finished) noexcept;
  static void take_over(Inside& inside, ContextListener& unlinked, Finished& finished) noexcept;
  void leave_parent() noexcept;
  void hand_up() noexcept;
  void drop_timer() noexcept;

  DoneCore* const above_;  // the source of the parent, or null; kept alive through it
  SpinLock lock_;
  std::atomic<bool> ending_{false};   // set before the channel is closed
  std::atomic<int> error_{0};         // a ContextError; set after that. Both under lock_
  std::exception_ptr cause_;          // written once under lock_, before error_
  ContextListener* first_ = nullptr;  // guarded by lock_
  TimerCore* timer_ = nullptr;        // guarded by lock_; one reference
  const Channel<Unit> done_;
  const ReceiveChannel<Unit> receive_done_;

  // While a tree is being ended.
  DoneCore* came_from_ = nullptr;
  std::shared_ptr<DoneCore> next_finished_;
};

}  // namespace vigil::detail
