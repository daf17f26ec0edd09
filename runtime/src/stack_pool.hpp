// StackPool: where tasks' stacks come from and go back to.
//
// Arenas of equal slots are mapped without reserving memory: only touched pages cost. One slot is
//   [ guard: 1 page ][ stack: 64 pages, the control block at its upper end ]
// and its odd number of pages spreads the hot ends of neighbouring slots over the caches' sets.
// Invariants:
//   I1  slots are never unmapped, so a pointer to a Task may be read at any time: dead tasks have TaskState::None.
//   I2  a slot with index < arena.used has been handed out at least once; above it nothing was ever touched.
//   I3  every free slot is in exactly one list: a worker's cache, a batch, or the loose list.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/src/spin_lock.hpp"
#include "runtime/src/task.hpp"

namespace vigil::detail {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kStackBytes = 64 * kPageBytes;
inline constexpr std::size_t kSlotBytes = kPageBytes + kStackBytes;
// Below where Linux puts position-independent programs.
inline constexpr std::uintptr_t kWatchedStacks = 0x5100'0000'0000;

// A worker's own free slots, last in first out: the last stack used is still in the cache.
struct StackCache {
  Task* first = nullptr;
  std::uint32_t count = 0;
};

class StackPool {
 public:
  constexpr StackPool() noexcept = default;

  // A free slot with its guard in place and state None; null when the system gives no more memory.
  [[nodiscard]] Task* take() noexcept;
  [[nodiscard]] Task* take(StackCache& cache) noexcept;
  // Nobody runs on the task's stack any more.
  void give_back(Task& task) noexcept;
  void give_back(StackCache& cache, Task& task) noexcept;

  // Prepares some of the slots that will be taken next, if slots are being taken for the first time just now. By who
  // has nothing to do; says whether it did anything.
  bool warm_ahead() noexcept;

  // Calls visit(Task&) for each slot ever used until it returns false. Allocates nothing, takes no lock.
  template <class Visit>
  void each_slot(Visit&& visit) const {
    const std::uint32_t arenas = arena_count_.load(std::memory_order_acquire);
    for (std::uint32_t a = 0; a < arenas; ++a) {
      const std::uint32_t used = arenas_[a].used.load(std::memory_order_acquire);
      for (std::uint32_t slot = 0; slot < used; ++slot)
        if (!visit(*task_in(arenas_[a], slot))) return;
    }
  }

  // Calls visit(low, high) for each arena until it returns false. As each_slot().
  template <class Visit>
  void each_arena(Visit&& visit) const {
    const std::uint32_t arenas = arena_count_.load(std::memory_order_acquire);
    for (std::uint32_t a = 0; a < arenas; ++a)
      if (!visit(arenas_[a].base, arenas_[a].base + arenas_[a].slots * kSlotBytes)) return;
  }

  // The task whose guard holds this address, or null. Safe in a signal handler.
  [[nodiscard]] Task* owner_of_guard(std::uintptr_t address) const noexcept;

 private:
  struct Arena {
    std::byte* base = nullptr;
    std::uint32_t slots = 0;
    std::atomic<std::uint32_t> warmed{0};  // slots below were prepared, or are in use; a hint
    std::atomic<std::uint32_t> used{0};    // release: pairs with the acquire of each_slot(), which then reads the slot
  };
  static constexpr std::uint32_t kMaxArenas = 8192;
  static constexpr std::uint32_t kFirstArenaSlots = 64;      // 16 MiB of address space
  static constexpr std::uint32_t kLargestArenaSlots = 4096;  // 1 GiB of address space
  static constexpr std::uint32_t kFirstTogether = 4;         // arenas before it, of 960 slots, lie anywhere: to look up
                                                             // what is kept elsewhere takes time, where few tasks run
  static constexpr std::uint32_t kBatch = 32;                // slots moved between a cache and the pool at once

  static Task* task_in(const Arena& arena, std::uint32_t slot) noexcept;
  [[nodiscard]] Task* take_fresh_locked() noexcept;
  [[nodiscard]] bool add_arena_locked() noexcept;
  void prepare(Task& task) noexcept;

  SpinLock lock_;
  Task* batches_ = nullptr;  // guarded by lock_; chains of kBatch slots
  Task* loose_ = nullptr;    // guarded by lock_
  // Where the next arena is to lie, all behind each other, if somebody watches: he may keep what he knows of stacks at
  // equal distances closer together than the stacks are (interpose/race/stack_places.hpp). Otherwise they lie anywhere,
  // to be hard to guess. Guarded by lock_.
  std::uintptr_t together_ = kWatchedStacks;
  std::atomic<std::uint32_t> arena_count_{0};
  std::atomic<std::uint32_t> warmed_for_{0};  // arena.used when slots were last prepared; a hint
  std::atomic<bool> cannot_warm_{false};
  Arena arenas_[kMaxArenas];
};

// How guards are made. VIGIL_STACK_GUARDS = lightweight | mapping | canary forces one (for tests and odd kernels).
[[nodiscard]] GuardKind install_guard(std::byte* page) noexcept;

// Whether the task has written below its stack; for GuardKind::Canary, where nothing stops it.
[[nodiscard]] inline bool overran(const Task& task) noexcept {
  const auto* gap = reinterpret_cast<const volatile std::uint64_t*>(task.stack_low);
  return (gap[-1] | gap[-2] | gap[-3] | gap[-4] | gap[-5] | gap[-6] | gap[-7] | gap[-8]) != 0;
}

}  // namespace vigil::detail
