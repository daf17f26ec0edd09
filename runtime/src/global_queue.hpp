// GlobalQueue: runnable tasks that belong to no worker: started or woken by plain threads, or too many for one worker.
//
// First in, first out. It holds pointers in one growing ring rather than a chain through the tasks, because following a
// chain costs a cache and a translation miss per task, under the lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/src/spin_lock.hpp"
#include "runtime/src/task.hpp"

namespace vigil::detail {

class GlobalQueue {
 public:
  constexpr GlobalQueue() noexcept = default;

  void push(std::span<Task* const> tasks) noexcept;
  // Takes at most `limit`, and no more than a fair share among `sharers`; returns how many.
  [[nodiscard]] std::uint32_t pop(Task** into, std::uint32_t limit, std::uint32_t sharers) noexcept;
  // A hint, exact when nobody pushes or pops.
  [[nodiscard]] std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  // How many tasks were ever taken out, modulo 2^32; a hint, as size().
  [[nodiscard]] std::uint32_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

 private:
  void grow_locked(std::size_t needed) noexcept;

  SpinLock lock_;
  Task** ring_ = nullptr;                // guarded by lock_; room_ pointers, mapped
  std::size_t room_ = 0;                 // guarded by lock_; a power of two
  std::size_t first_ = 0;                // guarded by lock_
  std::atomic<std::size_t> count_{0};    // written under lock_
  std::atomic<std::uint32_t> taken_{0};  // written under lock_
};

}  // namespace vigil::detail
