// Waiter: one actor's place in one wait queue. It lies on the waiting actor's stack.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/src/actor.hpp"
#include "vigil/detail/wait_queue_head.hpp"

namespace vigil::detail {

// Which of the things a select (or a timed wait) waits for came first. Whoever claims it owns the actor's next move.
class Race {
 public:
  static constexpr std::uint32_t kTimeout = UINT32_MAX - 1;

  [[nodiscard]] bool claim(std::uint32_t winner) noexcept {
    std::uint32_t none = kNone;
    // acq_rel: several channels, each under its own lock, and the timer compete; the loser must not act on the actor.
    return winner_.compare_exchange_strong(none, winner, std::memory_order_acq_rel, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t winner() const noexcept { return winner_.load(std::memory_order_acquire); }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::atomic<std::uint32_t> winner_{kNone};
};

struct Waiter {
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
  Actor* actor = nullptr;
  void* item = nullptr;     // a sender's: moved from; a receiver's: raw storage
  Race* race = nullptr;     // null when the actor waits here only
  std::uint32_t index = 0;  // of the select's case
  bool queued = false;      // guarded by the queue's lock
  bool satisfied = false;   // the item was moved, the lock handed over; else the channel was closed. Set before waking
  bool hand_over = false;   // mutex: overtaken too long, wants the lock itself
};

// A first-in first-out queue over a head in a primitive; guarded by that primitive's lock.
class WaitQueue {
 public:
  explicit WaitQueue(WaitQueueHead& head) noexcept : head_(head) {}

  [[nodiscard]] bool empty() const noexcept { return head_.first == nullptr; }
  void push_back(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    waiter.previous = head_.last;
    (head_.last != nullptr ? head_.last->next : head_.first) = &waiter;
    head_.last = &waiter;
    waiter.queued = true;
  }
  void push_front(Waiter& waiter) noexcept {
    waiter.previous = nullptr;
    waiter.next = head_.first;
    (head_.first != nullptr ? head_.first->previous : head_.last) = &waiter;
    head_.first = &waiter;
    waiter.queued = true;
  }
  void remove(Waiter& waiter) noexcept {
    (waiter.previous != nullptr ? waiter.previous->next : head_.first) = waiter.next;
    (waiter.next != nullptr ? waiter.next->previous : head_.last) = waiter.previous;
    waiter.queued = false;
  }
  // The first waiter that is still to be had: a select that another case has won is dropped.
  [[nodiscard]] Waiter* pop() noexcept {
    while (head_.first != nullptr) {
      Waiter& first = *head_.first;
      remove(first);
      if (first.race == nullptr || first.race->claim(first.index)) return &first;
    }
    return nullptr;
  }

 private:
  WaitQueueHead& head_;
};

// Waiters taken out of a queue, to be woken once its lock is free. Linked through Waiter::next.
class WakeList {
 public:
  void add(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &waiter;
    last_ = &waiter;
  }
  [[nodiscard]] Waiter* first() const noexcept { return first_; }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace vigil::detail
