// RunQueue: the tasks one worker will run, in order; others may steal half of them.
//
// A bounded ring with one producer (its worker) and many consumers, as in Go's scheduler (runtime/proc.go, runqput and
// runqgrab, whose idea this follows). Invariants:
//   I1  only the owner moves tail_; anybody moves head_, by compare-and-swap, past slots it has read before.
//   I2  0 <= tail_ - head_ <= kSlots, both counting modulo 2^32.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "runtime/src/task.hpp"

namespace vigil::detail {

class RunQueue {
 public:
  static constexpr std::uint32_t kSlots = 256;

  // Owner: appends, or returns false when full.
  [[nodiscard]] bool push(Task& task) noexcept {
    // acquire: pairs with the consumers' release of head_, so their reads of a slot are over before it is written
    // again.
    const std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head >= kSlots) return false;
    slots_[tail % kSlots].store(&task, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire of tail_ in steal_half()
    return true;
  }
  // Owner: takes the first, or null.
  [[nodiscard]] Task* pop() noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
      Task* const task = slots_[head % kSlots].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire))
        return task;
    }
  }
  // The first, or null; a hint, for thieves may take it any time.
  [[nodiscard]] const Task* peek() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
    return slots_[head % kSlots].load(std::memory_order_relaxed);
  }
  // Owner: takes the older half (kSlots / 2) of a full queue; false when it is not full any more.
  [[nodiscard]] bool take_half(Task** into) noexcept;
  // Another worker: moves half of `victim` here and returns one more to run now; null when there was nothing.
  [[nodiscard]] Task* steal_half(RunQueue& victim) noexcept;

  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
  }
  // How many tasks were ever put in and taken out, modulo 2^32: a task that was inside when put() was p still is,
  // unless it has been passed(p). Hints, for who judges from outside how long tasks wait here.
  [[nodiscard]] std::uint32_t put() const noexcept { return tail_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool passed(std::uint32_t put_before) const noexcept {
    return static_cast<std::int32_t>(head_.load(std::memory_order_relaxed) - put_before) >= 0;
  }

 private:
  alignas(64) std::atomic<std::uint32_t> head_{0};
  std::atomic<std::uint32_t> tail_{0};
  std::array<std::atomic<Task*>, kSlots> slots_{};
};

}  // namespace vigil::detail
