// Quick mutex: the usual lock and unlock of a usual pthread mutex, as short as it gets. Each function does exactly what
// mutex_taken() or mutex_unlocking() would do, or nothing and says false.
//
// Demands watching(): nothing of the shim runs on this thread. What may run is kept out as record() does: a signal
// handler that enters finds inside_shim set. Nothing here touches errno.
// Usual: not recursive, checked, robust, shared or of a special protocol; known to this thread, and so is its actor;
// nobody waits, and locks order nothing but themselves.
#pragma once

#include "interpose/current.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/recent_stacks.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::locks {

// InsideGuard for code without calls: the compiler keeps what it guards between its ends, and that is enough for a
// handler on this thread.
class QuickGuard {
 public:
  QuickGuard() noexcept {
    inside_shim = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~QuickGuard() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    inside_shim = false;
  }
  QuickGuard(const QuickGuard&) = delete;
  QuickGuard& operator=(const QuickGuard&) = delete;
};

// The wrapper that calls gives the place of its own return address, and the address.
[[gnu::always_inline]] inline bool quick_taken(const pthread_mutex_t* mutex, std::uintptr_t stack_pointer,
                                               std::uintptr_t first_return) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  LockObject* const lock = remembered_lock(LockFamily::Pthread, mutex);
  Actor* const actor =
      vigil::shim::detail::running != nullptr ? vigil::shim::detail::running : vigil::shim::detail::own_thread;
  RecentStacks* const stacks = vigil::shim::detail::recent;
  if (lock == nullptr || actor == nullptr || stacks == nullptr) return false;
  if (actor->wanted != LockId{} || lock->type != ObjectType::Mutex || order::needs(order::Edge::Lock) != 0)
    return false;

  const RecentStacks::Entry* const known = stacks->find(stack_pointer, first_return, modules_generation());
  const StackId stack = known != nullptr ? known->stack : capture_stack_from(stack_pointer, first_return);
  if (!actor->held.empty()) taken_inside(*actor, *lock, stack);
  // As in taken(): relaxed, see LockObject::acquisition.
  const std::uint64_t before = lock->acquisition.load(std::memory_order_relaxed);
  const std::uint64_t number = (before | 1U) + (before & 1U) * 2;
  lock->acquisition.store(number, std::memory_order_relaxed);
  lock->holder.store(key_of(*actor), std::memory_order_relaxed);
  lock->taken_at.store(stack, std::memory_order_relaxed);
  actor->held.add({.object = lock,
                   .lock = static_cast<LockId>(lock->id),
                   .acquisition = number,
                   .taken_at = stack,
                   .mode = LockMode::Exclusive});
  return true;
}

[[gnu::always_inline]] inline bool quick_unlocking(const pthread_mutex_t* mutex) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  LockObject* const lock = remembered_lock(LockFamily::Pthread, mutex);
  Actor* const thread = vigil::shim::detail::own_thread;
  if (lock == nullptr || thread == nullptr || order::needs(order::Edge::Lock) != 0) return false;
  if (glibc::owner_of(mutex) != thread->thread->tid.load(std::memory_order_relaxed)) return false;
  Actor& actor = vigil::shim::detail::running != nullptr ? *vigil::shim::detail::running : *thread;
  if (!actor.held.remove(static_cast<LockId>(lock->id))) return false;
  const std::uint64_t number = lock->acquisition.load(std::memory_order_relaxed);
  lock->acquisition.store(number + (number & 1U), std::memory_order_relaxed);
  return true;
}

}  // namespace vigil::shim::locks
