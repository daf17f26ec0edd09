#include "runtime/src/global_queue.hpp"

#include <algorithm>

#include <sys/mman.h>

#include "runtime/src/fatal.hpp"

namespace vigil::detail {

// Mapped, not allocated: a wake-up may come from anywhere, also from inside somebody's allocator.
void GlobalQueue::grow_locked(std::size_t needed) noexcept {
  constexpr std::size_t kFirstRoom = 512;  // one page
  std::size_t room = std::max(room_, kFirstRoom);
  while (room < needed) room *= 2;
  if (room == room_) return;
  void* const memory =
      ::mmap(nullptr, room * sizeof(void*), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fatal("no memory for the queue of runnable tasks");
  auto** const ring = static_cast<Task**>(memory);
  const std::size_t count = count_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < count; ++i) ring[i] = ring_[(first_ + i) & (room_ - 1)];
  if (ring_ != nullptr) ::munmap(static_cast<void*>(ring_), room_ * sizeof(void*));
  ring_ = ring;
  room_ = room;
  first_ = 0;
}

void GlobalQueue::push(std::span<Task* const> tasks) noexcept {
  const SpinGuard held(lock_);
  const std::size_t count = count_.load(std::memory_order_relaxed);
  if (count + tasks.size() > room_) grow_locked(count + tasks.size());
  std::size_t at = first_ + count;
  for (Task* const task : tasks) ring_[at++ & (room_ - 1)] = task;
  count_.store(count + tasks.size(), std::memory_order_relaxed);
}

std::uint32_t GlobalQueue::pop(Task** into, std::uint32_t limit, std::uint32_t sharers) noexcept {
  if (empty()) return 0;
  const SpinGuard held(lock_);
  const std::size_t count = count_.load(std::memory_order_relaxed);
  if (count == 0) return 0;
  const auto taken = static_cast<std::uint32_t>(std::min({count, count / sharers + 1, std::size_t{limit}}));
  for (std::uint32_t i = 0; i < taken; ++i) into[i] = ring_[(first_ + i) & (room_ - 1)];
  first_ = (first_ + taken) & (room_ - 1);
  count_.store(count - taken, std::memory_order_relaxed);
  taken_.store(taken_.load(std::memory_order_relaxed) + taken, std::memory_order_relaxed);
  return taken;
}

}  // namespace vigil::detail
