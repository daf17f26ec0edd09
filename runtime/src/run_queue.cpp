#include "runtime/src/run_queue.hpp"

namespace vigil::detail {

bool RunQueue::take_half(Task** into) noexcept {
  constexpr std::uint32_t kHalf = kSlots / 2;
  std::uint32_t head = head_.load(std::memory_order_acquire);
  if (tail_.load(std::memory_order_relaxed) - head < kSlots) return false;
  for (std::uint32_t i = 0; i < kHalf; ++i) into[i] = slots_[(head + i) % kSlots].load(std::memory_order_relaxed);
  return head_.compare_exchange_strong(head, head + kHalf, std::memory_order_acq_rel, std::memory_order_relaxed);
}

Task* RunQueue::steal_half(RunQueue& victim) noexcept {
  const std::uint32_t own_tail = tail_.load(std::memory_order_relaxed);
  std::uint32_t head = victim.head_.load(std::memory_order_acquire);
  for (;;) {
    const std::uint32_t available = victim.tail_.load(std::memory_order_acquire) - head;
    const std::uint32_t wanted = available - available / 2;
    if (wanted == 0) return nullptr;
    if (wanted > kSlots / 2) {  // head was old: others took tasks between the two loads
      head = victim.head_.load(std::memory_order_acquire);
      continue;
    }
    for (std::uint32_t i = 0; i < wanted; ++i) {
      slots_[(own_tail + i) % kSlots].store(victim.slots_[(head + i) % kSlots].load(std::memory_order_relaxed),
                                            std::memory_order_relaxed);
    }
    if (!victim.head_.compare_exchange_weak(head, head + wanted, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    Task* const last = slots_[(own_tail + wanted - 1) % kSlots].load(std::memory_order_relaxed);
    if (wanted > 1) tail_.store(own_tail + wanted - 1, std::memory_order_release);
    return last;
  }
}

}  // namespace vigil::detail
