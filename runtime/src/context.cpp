// Contexts form a tree: a child keeps its parent alive, a parent knows its children only as long as they live.
#include "vigil/context.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "vigil/mutex.hpp"

namespace vigil {
namespace detail {

// Invariants: error_ changes once, from 0, under lock_, before done_ is closed; afterwards children_ is empty.
class ContextCore : public std::enable_shared_from_this<ContextCore> {
 public:
  explicit ContextCore(std::shared_ptr<ContextCore> parent)
      : parent_(std::move(parent)), done_(0), receive_done_(done_) {}
  ~ContextCore() {
    if (parent_ != nullptr) parent_->forget(*this);
  }
  ContextCore(const ContextCore&) = delete;
  ContextCore& operator=(const ContextCore&) = delete;

  // Becomes done with the parent, at once if the parent is.
  void attach_to_parent() {
    if (parent_ == nullptr) return;
    int parents_error = 0;
    {
      const std::scoped_lock held(parent_->lock_);
      parents_error = parent_->error_.load(std::memory_order_relaxed);
      if (parents_error == 0) parent_->children_.push_back(this);
    }
    if (parents_error != 0) cancel(parents_error);
  }

  void cancel(int error) {
    std::vector<std::shared_ptr<ContextCore>> children;
    {
      const std::scoped_lock held(lock_);
      if (error_.load(std::memory_order_relaxed) != 0) return;
      // release: pairs with the acquire of error(). Set first: who sees done() closed finds err() set.
      error_.store(error, std::memory_order_release);
      done_.close();
      for (ContextCore* const child : std::exchange(children_, {}))
        if (auto alive = child->weak_from_this().lock())
          children.push_back(std::move(alive));  // else it is just ending
    }
    for (const auto& child : children) child->cancel(error);
    if (parent_ != nullptr) parent_->forget(*this);
  }

  [[nodiscard]] int error() const noexcept { return error_.load(std::memory_order_acquire); }
  [[nodiscard]] const ReceiveChannel<Unit>& done() const noexcept { return receive_done_; }

 private:
  void forget(const ContextCore& child) {
    const std::scoped_lock held(lock_);
    std::erase(children_, &child);
  }

  const std::shared_ptr<ContextCore> parent_;  // null: background
  Mutex lock_;
  std::vector<ContextCore*> children_;  // guarded by lock_; a child leaves before it dies
  std::atomic<int> error_{0};           // a ContextError, or 0
  const Channel<Unit> done_;
  const ReceiveChannel<Unit> receive_done_;
};

}  // namespace detail

namespace {

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

}  // namespace

const std::error_category& context_category() noexcept {
  static const Category& category = *new Category;  // never destroyed: an error code may outlive static destruction
  return category;
}

const ReceiveChannel<Unit>& Context::done() const noexcept {
  static constinit const ReceiveChannel<Unit> never;
  return core_ != nullptr ? core_->done() : never;
}

std::error_code Context::err() const noexcept {
  const int error = core_ != nullptr ? core_->error() : 0;
  return error != 0 ? make_error_code(static_cast<ContextError>(error)) : std::error_code(0, context_category());
}

void CancelFunction::operator()() const { core_->cancel(static_cast<int>(ContextError::Canceled)); }

CancelContext with_cancel(const Context& parent) {
  auto core = std::make_shared<detail::ContextCore>(parent.core_);
  core->attach_to_parent();
  return {Context(core), CancelFunction(core)};
}

}  // namespace vigil
