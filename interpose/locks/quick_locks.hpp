// Quick locks: the usual lock and unlock of a usual pthread mutex, and of a read-write lock for reading, as short as it
// gets. Each function does exactly what its namesake of pthread_events.hpp would do, or nothing and says false. Two
// ways: the one of who does again what he did last (held_again.hpp), and behind a call the one of who does something
// else.
//
// Demands watching(): nothing of the shim runs on this thread.
// Usual: known to this thread, and so is its actor; nobody waits. A mutex is not recursive, checked, robust, shared or
// of a special protocol; a read-write lock is not shared with other processes, and does not hold back readers for
// writers. Locks order nothing but themselves, or, for mutexes, what is kept of it is the whole order alone.
#pragma once

#include <cerrno>

#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/held_again.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::locks {

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

[[gnu::always_inline]] inline StackId quick_stack(CalledFrom from) noexcept {
  const RecentStacks::Entry* const known = standing_stack(StackPlace::at(from.stack_pointer), from.first_return);
  return known != nullptr ? known->stack : capture_stack_from(StackPlace::at(from.stack_pointer), from.first_return);
}

template <Keeps keeps>
inline constexpr std::uint8_t kReasons = vigil::shim::detail::kAlone | vigil::shim::detail::kNotLive |
                                         (keeps == Keeps::Nothing ? std::uint8_t{vigil::shim::detail::kOrderIsKept}
                                                                  : std::uint8_t{0});

// What a quick way got.
enum class Got : std::uint8_t {
  Nothing,   // nothing was done
  TheLock,   // and nothing of that is recorded: meanwhile somebody asked for an order
  Recorded,  // the lock, and it is recorded
};

// Takes the mutex, if it is free and known, at a place that is known. The stack is looked at before the lock is taken:
// between two locked instructions the processor works off all that lies there, so that is shared out between them.
template <Keeps keeps>
[[gnu::always_inline]] inline Got takes_mutex(pthread_mutex_t* mutex, CalledFrom from) noexcept {
  Actor* const actor = quick_actor(kReasons<keeps>);
  if (actor == nullptr || glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) [[unlikely]]
    return Got::Nothing;
  if (keeps != Keeps::Nothing && !is_kept_by<keeps>(order::needs_to_take(order::Edge::Lock), *actor))
    return Got::Nothing;
  const QuickGuard inside;
  if (actor->wanted != LockId{}) [[unlikely]]
    return Got::Nothing;
  LockObject* const lock = near_lock(*actor, LockFamily::Pthread, mutex);
  if (lock == nullptr || lock->type != ObjectType::Mutex) [[unlikely]]
    return Got::Nothing;
  const RecentStacks::Entry* const standing = standing_stack(StackPlace::at(from.stack_pointer), from.first_return);
  if (standing == nullptr) [[unlikely]]
    return Got::Nothing;
  const StackId stack = standing->stack;
  // The guard is held while this runs, which does not wait.
  if (vigil::shim::detail::real_pthread_table.mutex_trylock(mutex) != 0) [[unlikely]]
    return Got::Nothing;
  // Whoever had it before us may have asked for an order, and left in it what he knew: that is seen now, not before.
  if (keeps == Keeps::Nothing && order::needs_to_take(order::Edge::Lock) != 0) [[unlikely]]
    return Got::TheLock;
  if (!holds_again(*actor, *lock, stack)) [[unlikely]]
    holds_anew(*actor, *lock, stack);
  if constexpr (keeps == Keeps::TheWholeOrder) learn_from(*lock, *actor);
  return Got::Recorded;
}

template <Keeps keeps>
[[gnu::always_inline]] inline bool mutex_back_again(const pthread_mutex_t* mutex) noexcept {
  Actor* const actor = quick_actor(kReasons<keeps>);
  if (actor == nullptr || glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) [[unlikely]]
    return false;
  const Actor* const thread = vigil::shim::detail::own_thread;
  if (thread == nullptr || glibc::owner_of(mutex) != thread->thread->tid.load(std::memory_order_relaxed)) [[unlikely]]
    return false;
  if (keeps != Keeps::Nothing && !is_kept_by<keeps>(order::needs_to_take(order::Edge::Lock), *actor)) return false;
  const QuickGuard inside;
  if (!holds_youngest(*actor, LockFamily::Pthread, mutex, LockMode::Exclusive)) [[unlikely]]
    return false;
  order::moment_over();
  if constexpr (keeps == Keeps::TheWholeOrder) teach(*actor->held.youngest().object, *actor);
  gives_youngest_back(*actor);
  return true;
}

// The mutex is locked, at a place that may not be known.
template <Keeps keeps>
[[gnu::always_inline]] inline bool short_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  const QuickLook look(mutex);
  if (!look.suffices() || vigil::shim::detail::recent == nullptr) return false;
  LockObject& lock = *look.lock;
  Actor& actor = *look.actor;
  if (actor.wanted != LockId{} || lock.type != ObjectType::Mutex) return false;
  if (!is_kept_by<keeps>(order::needs_to_take(order::Edge::Lock), actor)) return false;

  holds_anew(actor, lock, quick_stack(from));
  if constexpr (keeps == Keeps::TheWholeOrder) learn_from(lock, actor);
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

[[gnu::noinline]] inline Got takes_ordered_mutex(pthread_mutex_t* mutex, CalledFrom from) noexcept {
  return takes_mutex<Keeps::TheWholeOrder>(mutex, from);
}
[[gnu::noinline]] inline bool ordered_mutex_back_again(const pthread_mutex_t* mutex) noexcept {
  return mutex_back_again<Keeps::TheWholeOrder>(mutex);
}
// The mutex is locked.
[[gnu::noinline]] inline bool quick_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  return order::needs_to_take(order::Edge::Lock) == 0 ? short_mutex_taken<Keeps::Nothing>(mutex, from)
                                                      : short_mutex_taken<Keeps::TheWholeOrder>(mutex, from);
}
[[gnu::noinline]] inline bool quick_mutex_unlocking(const pthread_mutex_t* mutex) noexcept {
  return order::needs_to_take(order::Edge::Lock) == 0 ? short_mutex_unlocking<Keeps::Nothing>(mutex)
                                                      : short_mutex_unlocking<Keeps::TheWholeOrder>(mutex);
}

// As takes_mutex(), for reading.
[[gnu::always_inline]] inline Got takes_for_reading(pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
  Actor* const actor = quick_actor(kReasons<Keeps::Nothing>);
  if (actor == nullptr) [[unlikely]]
    return Got::Nothing;
  const QuickGuard inside;
  if (actor->wanted != LockId{}) [[unlikely]]
    return Got::Nothing;
  LockObject* const lock = near_lock(*actor, LockFamily::Pthread, rwlock);
  const bool is_usual = lock != nullptr && lock->type == ObjectType::RwMutex && !lock->prefers_writers;
  if (!is_usual || glibc::is_shared(rwlock)) [[unlikely]]
    return Got::Nothing;
  const RecentStacks::Entry* const standing = standing_stack(StackPlace::at(from.stack_pointer), from.first_return);
  if (standing == nullptr) [[unlikely]]
    return Got::Nothing;
  const StackId stack = standing->stack;
  if (vigil::shim::detail::real_pthread_table.rwlock_tryrdlock(rwlock) != 0) [[unlikely]]
    return Got::Nothing;
  if (order::needs_to_take(order::Edge::Lock) != 0) [[unlikely]]
    return Got::TheLock;  // as in takes_mutex()
  if (!reads_again(*actor, *lock, stack)) [[unlikely]]
    reads_anew(*actor, *lock, stack);
  return Got::Recorded;
}

[[gnu::always_inline]] inline bool read_back_again(const pthread_rwlock_t* rwlock) noexcept {
  Actor* const actor = quick_actor(kReasons<Keeps::Nothing>);
  if (actor == nullptr || glibc::writer_of(rwlock) != 0 || !glibc::has_readers(rwlock) || glibc::is_shared(rwlock))
    return false;
  const QuickGuard inside;
  if (!holds_youngest(*actor, LockFamily::Pthread, rwlock, LockMode::Shared)) return false;
  order::moment_over();
  actor->held.remove_youngest();
  return true;
}

// It is locked for reading.
[[gnu::noinline]] inline bool quick_read_taken(const pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
  if (stage() != Stage::Live || glibc::is_shared(rwlock)) return false;
  const QuickGuard inside;
  const QuickLook look(rwlock);
  if (!look.suffices() || vigil::shim::detail::recent == nullptr) return false;
  if (order::needs_to_take(order::Edge::Lock) != 0) return false;
  LockObject& lock = *look.lock;
  Actor& actor = *look.actor;
  if (actor.wanted != LockId{} || lock.type != ObjectType::RwMutex || lock.prefers_writers) return false;

  reads_anew(actor, lock, quick_stack(from));
  return true;
}

[[gnu::noinline]] inline bool quick_read_unlocking(const pthread_rwlock_t* rwlock) noexcept {
  if (stage() != Stage::Live || glibc::is_shared(rwlock) || glibc::writer_of(rwlock) != 0 ||
      !glibc::has_readers(rwlock))
    return false;
  const QuickGuard inside;
  const QuickLook look(rwlock);
  return look.suffices() && order::needs(order::Edge::Lock) == 0 && look.lock->type == ObjectType::RwMutex &&
         look.actor->held.remove(static_cast<LockId>(look.lock->id));
}

}  // namespace vigil::shim::locks
