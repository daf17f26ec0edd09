// Quick locks: the usual lock and unlock of a usual pthread mutex, and of a read-write lock for reading, as short as it
// gets. Each function does exactly what its namesake of pthread_events.hpp would do, or nothing and says false.
//
// Demands watching(): nothing of the shim runs on this thread. What may run is kept out as record() does: a signal
// handler that enters finds inside_shim set. Nothing here touches errno.
// Usual: known to this thread, and so is its actor; nobody waits. A mutex is not recursive, checked, robust, shared or
// of a special protocol; a read-write lock is not shared with other processes, and does not hold back readers for
// writers. Locks order nothing but themselves, or, for mutexes, what is kept of it is the whole order alone.
#pragma once

#include <cerrno>

#include "interpose/current.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/order.hpp"
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

// Who is about to do something with which lock. False: that needs a closer look.
struct QuickLook {
  LockObject* lock;
  Actor* thread;
  Actor* actor;

  [[gnu::always_inline]] explicit QuickLook(const volatile void* address) noexcept
      : lock(remembered_lock(LockFamily::Pthread, const_cast<const void*>(address))),
        thread(vigil::shim::detail::own_thread),
        actor(vigil::shim::detail::running != nullptr ? vigil::shim::detail::running : thread) {}
  [[nodiscard]] bool suffices() const noexcept { return lock != nullptr && thread != nullptr; }
};

// Whether locks order anything but themselves. Where they do, the same steps stand once more, behind a call: its saved
// registers would cost those who do not a third of their time.
enum class Keeps : bool { Nothing, TheWholeOrder };
template <Keeps keeps>
[[gnu::always_inline]] inline bool is_kept_by(std::uint8_t need, const Actor& actor) noexcept {
  if constexpr (keeps == Keeps::Nothing) return need == 0;
  return (need & order::kTold) == 0 && actor.clocks.whole.started();
}
// Who locks a mutex learns what its holders knew: nobody holds one for reading. Both keep errno, which memory for a
// clock may change.
[[gnu::always_inline]] inline void learn_from(const LockObject& mutex, Actor& actor) noexcept {
  const int saved_errno = errno;
  race::acquire(actor.clocks.whole, mutex.written.whole);
  errno = saved_errno;
}
[[gnu::always_inline]] inline void teach(LockObject& mutex, Actor& actor) noexcept {
  const int saved_errno = errno;
  race::release_store(actor.clocks.whole, mutex.written.whole);
  errno = saved_errno;
}

// Where a wrapper was called: the place of its own return address, and the address.
struct CalledFrom {
  std::uintptr_t stack_pointer;
  std::uintptr_t first_return;
};
// Of the function that this becomes a part of.
[[gnu::always_inline]] inline CalledFrom called_from() noexcept {
  // The word below its frame is the return address.
  return {reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa()) - sizeof(std::uintptr_t),
          reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))};
}
[[gnu::always_inline]] inline StackId quick_stack(RecentStacks& recent, CalledFrom from) noexcept {
  const RecentStacks::Entry* const known =
      recent.find(StackPlace::at(from.stack_pointer), from.first_return, modules_generation());
  return known != nullptr ? known->stack : capture_stack_from(from.stack_pointer, from.first_return);
}

template <Keeps keeps>
[[gnu::always_inline]] inline bool short_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  const QuickLook look(mutex);
  RecentStacks* const recent = vigil::shim::detail::recent;
  if (!look.suffices() || recent == nullptr) return false;
  LockObject& lock = *look.lock;
  Actor& actor = *look.actor;
  if (actor.wanted != LockId{} || lock.type != ObjectType::Mutex) return false;
  if (!is_kept_by<keeps>(order::needs(order::Edge::Lock), actor)) return false;

  const StackId stack = quick_stack(*recent, from);
  if (!actor.held.empty()) taken_inside(actor, lock, LockMode::Exclusive, stack);
  if constexpr (keeps == Keeps::TheWholeOrder) learn_from(lock, actor);
  // As in taken(): relaxed, see LockObject::acquisition.
  const std::uint64_t before = lock.acquisition.load(std::memory_order_relaxed);
  const std::uint64_t number = (before | 1U) + (before & 1U) * 2;
  lock.acquisition.store(number, std::memory_order_relaxed);
  lock.holder.store(key_of(actor), std::memory_order_relaxed);
  lock.taken_at.store(stack, std::memory_order_relaxed);
  actor.held.add({.object = &lock,
                  .lock = static_cast<LockId>(lock.id),
                  .acquisition = number,
                  .taken_at = stack,
                  .mode = LockMode::Exclusive});
  return true;
}

template <Keeps keeps>
[[gnu::always_inline]] inline bool short_mutex_unlocking(const pthread_mutex_t* mutex) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  const QuickLook look(mutex);
  if (!look.suffices() || look.lock->type != ObjectType::Mutex) return false;
  if (glibc::owner_of(mutex) != look.thread->thread->tid.load(std::memory_order_relaxed)) return false;
  if (!is_kept_by<keeps>(order::needs(order::Edge::Lock), *look.actor)) return false;
  if (!look.actor->held.remove(static_cast<LockId>(look.lock->id))) return false;
  if constexpr (keeps == Keeps::TheWholeOrder) teach(*look.lock, *look.actor);
  const std::uint64_t number = look.lock->acquisition.load(std::memory_order_relaxed);
  look.lock->acquisition.store(number + (number & 1U), std::memory_order_relaxed);
  return true;
}

[[gnu::noinline]] inline bool ordered_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  return order::needs(order::Edge::Lock) != 0 && short_mutex_taken<Keeps::TheWholeOrder>(mutex, from);
}
[[gnu::noinline]] inline bool ordered_mutex_unlocking(const pthread_mutex_t* mutex) noexcept {
  return order::needs(order::Edge::Lock) != 0 && short_mutex_unlocking<Keeps::TheWholeOrder>(mutex);
}
[[gnu::always_inline]] inline bool quick_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  return short_mutex_taken<Keeps::Nothing>(mutex, from) || ordered_mutex_taken(mutex, from);
}
[[gnu::always_inline]] inline bool quick_mutex_unlocking(const pthread_mutex_t* mutex) noexcept {
  return short_mutex_unlocking<Keeps::Nothing>(mutex) || ordered_mutex_unlocking(mutex);
}

[[gnu::always_inline]] inline bool quick_read_taken(const pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
  if (stage() != Stage::Live || glibc::is_shared(rwlock)) return false;
  const QuickGuard inside;
  const QuickLook look(rwlock);
  RecentStacks* const recent = vigil::shim::detail::recent;
  if (!look.suffices() || recent == nullptr || order::needs(order::Edge::Lock) != 0) return false;
  LockObject& lock = *look.lock;
  Actor& actor = *look.actor;
  if (actor.wanted != LockId{} || lock.type != ObjectType::RwMutex || lock.prefers_writers) return false;

  const StackId stack = quick_stack(*recent, from);
  if (!actor.held.empty()) taken_inside(actor, lock, LockMode::Shared, stack);
  actor.held.add({.object = &lock,
                  .lock = static_cast<LockId>(lock.id),
                  .acquisition = 0,
                  .taken_at = stack,
                  .mode = LockMode::Shared});
  return true;
}

[[gnu::always_inline]] inline bool quick_read_unlocking(const pthread_rwlock_t* rwlock) noexcept {
  if (stage() != Stage::Live || glibc::is_shared(rwlock) || glibc::writer_of(rwlock) != 0 ||
      !glibc::has_readers(rwlock))
    return false;
  const QuickGuard inside;
  const QuickLook look(rwlock);
  return look.suffices() && order::needs(order::Edge::Lock) == 0 && look.lock->type == ObjectType::RwMutex &&
         look.actor->held.remove(static_cast<LockId>(look.lock->id));
}

}  // namespace vigil::shim::locks
