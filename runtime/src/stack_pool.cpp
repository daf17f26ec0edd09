#include "runtime/src/stack_pool.hpp"

#include <algorithm>
#include <new>

#include <sys/mman.h>

namespace vigil::detail {

// Colour: tops differ by cache lines within the page too, so that 16 neighbours do not meet in one set of a small
// cache.
Task* StackPool::task_in(const Arena& arena, std::uint32_t slot) noexcept {
  constexpr std::size_t kLine = 64;
  constexpr std::size_t kColours = 16;
  constexpr std::size_t kBlock = (sizeof(Task) + kLine - 1) / kLine * kLine;
  std::byte* const end = arena.base + (std::size_t{slot} + 1) * kSlotBytes;
  return reinterpret_cast<Task*>(end - (slot % kColours) * kLine - kBlock);
}

bool StackPool::add_arena_locked() noexcept {
  const std::uint32_t at = arena_count_.load(std::memory_order_relaxed);  // changed under lock_ only
  if (at == kMaxArenas) return false;
  const std::uint32_t slots = std::min(kFirstArenaSlots << std::min(at, 6U), kLargestArenaSlots);
  const std::size_t bytes = std::size_t{slots} * kSlotBytes;
  // Where something else lies there, the system chooses another place.
  const bool is_near_others = at >= kFirstTogether && watcher_room.load(std::memory_order_relaxed) != 0;
  void* const hint = is_near_others ? reinterpret_cast<void*>(together_) : nullptr;
  void* const base =
      ::mmap(hint, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return false;
  if (is_near_others) together_ += bytes;
  // A huge page would make one idle task cost 2 MiB. Without effect where there are none.
  static_cast<void>(::madvise(base, bytes, MADV_NOHUGEPAGE));
  arenas_[at].base = static_cast<std::byte*>(base);
  arenas_[at].slots = slots;
  arena_count_.store(at + 1, std::memory_order_release);
  return true;
}

Task* StackPool::take_fresh_locked() noexcept {
  const std::uint32_t count = arena_count_.load(std::memory_order_relaxed);
  if (count == 0 || arenas_[count - 1].used.load(std::memory_order_relaxed) == arenas_[count - 1].slots) {
    return add_arena_locked() ? take_fresh_locked() : nullptr;
  }
  Arena& arena = arenas_[count - 1];
  const std::uint32_t slot = arena.used.load(std::memory_order_relaxed);
  Task* const task = ::new (task_in(arena, slot)) Task;
  task->stack_high = arena.base + (std::size_t{slot} + 1) * kSlotBytes;
  task->stack_low = task->stack_high - kStackBytes;
  arena.used.store(slot + 1, std::memory_order_release);
  return task;
}

// Touching a page for the first time is most of what a fresh slot costs (1 to 4 us), so somebody who has nothing else
// to do may do it before. A page that is present is all the difference: nothing is written, I2 holds.
bool StackPool::warm_ahead() noexcept {
  constexpr std::uint32_t kAhead = 64;
  constexpr std::uint32_t kAtOnce = 16;
  constexpr std::uint32_t kMargin = 8;
  constexpr int kMadvPopulateWrite = 23;  // Linux 5.14
  const std::uint32_t count = arena_count_.load(std::memory_order_acquire);
  if (count < 2 || cannot_warm_.load(std::memory_order_relaxed)) return false;  // few tasks: not worth it
  Arena& arena = arenas_[count - 1];
  const std::uint32_t used = arena.used.load(std::memory_order_relaxed);
  std::uint32_t from = arena.warmed.load(std::memory_order_relaxed);
  // Only where slots have been taken since: what was prepared would otherwise grow for a program that needs no more.
  if (used == warmed_for_.load(std::memory_order_relaxed)) return false;
  if (from > used + kAhead || from + kAtOnce > arena.slots) return false;
  // Not the very next ones: two processors that touch a page at the same time both clear one, and one is thrown away.
  const std::uint32_t first = std::max(from, used + kMargin);
  if (first + kAtOnce > arena.slots) return false;
  if (!arena.warmed.compare_exchange_strong(from, first + kAtOnce, std::memory_order_relaxed)) return false;
  for (std::uint32_t slot = first; slot < first + kAtOnce; ++slot) {
    std::byte* const end = arena.base + (std::size_t{slot} + 1) * kSlotBytes;
    if (::madvise(end - kPageBytes, kPageBytes, kMadvPopulateWrite) != 0) {
      cannot_warm_.store(true, std::memory_order_relaxed);
      return false;
    }
  }
  warmed_for_.store(used, std::memory_order_relaxed);
  return true;
}

// The costly half of a fresh slot, outside the lock.
void StackPool::prepare(Task& task) noexcept {
  if (task.guard == GuardKind::None) task.guard = install_guard(task.stack_low - kPageBytes);
}

Task* StackPool::take() noexcept {
  Task* task = nullptr;
  {
    const SpinGuard held(lock_);
    if (loose_ == nullptr && batches_ != nullptr) {
      loose_ = batches_;
      batches_ = batches_->next_batch;
    }
    task = loose_;
    if (task != nullptr)
      loose_ = task->next;
    else
      task = take_fresh_locked();
  }
  if (task != nullptr) prepare(*task);
  return task;
}

Task* StackPool::take(StackCache& cache) noexcept {
  if (cache.first == nullptr) [[unlikely]] {
    const SpinGuard held(lock_);
    if (batches_ != nullptr) {
      cache.first = batches_;
      cache.count = kBatch;
      batches_ = batches_->next_batch;
    }
  }
  if (cache.first == nullptr) return take();
  Task* const task = cache.first;
  cache.first = task->next;
  --cache.count;
  if (cache.first != nullptr) prefetch(*cache.first);  // another processor may have used it last
  return task;
}

void StackPool::give_back(Task& task) noexcept {
  const SpinGuard held(lock_);
  task.next = loose_;
  loose_ = &task;
}

void StackPool::give_back(StackCache& cache, Task& task) noexcept {
  task.next = cache.first;
  cache.first = &task;
  if (++cache.count < 3 * kBatch) return;
  // The hottest kBatch stay; the next ones go as one batch.
  Task* last_kept = cache.first;
  for (std::uint32_t i = 1; i < kBatch; ++i) last_kept = last_kept->next;
  for (int batch = 0; batch < 2; ++batch) {
    Task* const first = last_kept->next;
    Task* last = first;
    for (std::uint32_t i = 1; i < kBatch; ++i) last = last->next;
    last_kept->next = last->next;
    last->next = nullptr;
    const SpinGuard held(lock_);
    first->next_batch = batches_;
    batches_ = first;
  }
  cache.count = kBatch;
}

Task* StackPool::owner_of_guard(std::uintptr_t address) const noexcept {
  const std::uint32_t arenas = arena_count_.load(std::memory_order_acquire);
  for (std::uint32_t a = 0; a < arenas; ++a) {
    const auto base = reinterpret_cast<std::uintptr_t>(arenas_[a].base);
    const std::uint32_t used = arenas_[a].used.load(std::memory_order_acquire);
    if (address < base || address >= base + std::size_t{used} * kSlotBytes) continue;
    const std::size_t offset = address - base;
    if (offset % kSlotBytes >= kPageBytes) return nullptr;
    return task_in(arenas_[a], static_cast<std::uint32_t>(offset / kSlotBytes));
  }
  return nullptr;
}

}  // namespace vigil::detail
