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
#include "interpose/locks/in_place.hpp"
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

[[gnu::always_inline]] inline TakenAt quick_stack(CalledFrom from) noexcept {
  const RecentStacks::Entry* const known = standing_stack(StackPlace::at(from.stack_pointer), from.first_return);
  if (known != nullptr) return taken_at(*known);
  return {.stack = capture_stack_from(StackPlace::at(from.stack_pointer), from.first_return)};
}

template <Keeps keeps>
inline constexpr std::uint8_t kReasons = vigil::shim::detail::kAlone | vigil::shim::detail::kNotLive |
                                         (keeps == Keeps::Nothing ? std::uint8_t{vigil::shim::detail::kOrderIsKept}
                                                                  : std::uint8_t{0});

// Besides, who does again what he did last takes the lock in place: a call in his way would cost him a third.
inline constexpr std::uint8_t kReasonsNotInPlace = kReasons<Keeps::Nothing> | vigil::shim::detail::kForwards;

// What a quick way got.
enum class Got : std::uint8_t {
  Nothing,   // nothing was done
  TheLock,   // and nothing of that is recorded: meanwhile somebody asked for an order
  Recorded,  // the lock, and it is recorded
};

// The real functions, or what they would do. 0, or why not.
[[gnu::always_inline]] inline int try_now(pthread_mutex_t* mutex) noexcept {
  if (in_place::is_open() && in_place::takes(mutex, vigil::shim::detail::lane.tid)) [[likely]]
    return 0;
  return vigil::shim::detail::real_pthread_table.mutex_trylock(mutex);
}
[[gnu::always_inline]] inline int give_back_now(pthread_mutex_t* mutex) noexcept {
  if (in_place::is_open() && in_place::gives_back(mutex)) [[likely]]
    return 0;
  return vigil::shim::detail::real_pthread_table.mutex_unlock(mutex);
}
[[gnu::always_inline]] inline int try_reading_now(pthread_rwlock_t* rwlock) noexcept {
  if (in_place::is_open() && in_place::is_plain(rwlock) && in_place::takes_for_reading(rwlock)) [[likely]]
    return 0;
  return vigil::shim::detail::real_pthread_table.rwlock_tryrdlock(rwlock);
}
[[gnu::always_inline]] inline int read_back_now(pthread_rwlock_t* rwlock) noexcept {
  if (in_place::is_open() && in_place::is_plain(rwlock) && in_place::gives_back_for_reading(rwlock)) [[likely]]
    return 0;
  return vigil::shim::detail::real_pthread_table.rwlock_unlock(rwlock);
}

// ---- who does again what he did last. Locks order nothing but themselves ------------------------------------------
// In two steps, with the real function between them. All that can be is done in the first: between two locked
// instructions the processor works off what lies there, and after the first of them it waits for each load in turn.

// Who would do that, and what stands in the slot for it. False: nobody.
struct Again {
  Actor* actor;
  HeldLock* slot;
  LockObject* lock;
  explicit operator bool() const noexcept { return actor != nullptr; }
};
// Whether that is what is done next. Then the shim is entered (enter_shim()), until ..._again() is over.
[[gnu::always_inline]] inline Again would_take_again(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  Actor* const actor = quick_actor(kReasonsNotInPlace);
  if (actor == nullptr || glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) [[unlikely]]
    return {};
  enter_shim();
  HeldLock& slot = actor->held.next();
  const std::uintptr_t again = HeldLock::again_as(HeldLock::Way::Mutex, mutex);
  if (would_do_again(*actor, slot, again, StackPlace::at(from.stack_pointer))) [[likely]]
    return {.actor = actor, .slot = &slot, .lock = slot.object};
  leave_shim();
  return {};
}
[[gnu::always_inline]] inline Again would_read_again(const pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
  Actor* const actor = quick_actor(kReasonsNotInPlace);
  if (actor == nullptr || !in_place::is_plain(rwlock)) [[unlikely]]
    return {};
  enter_shim();
  HeldLock& slot = actor->held.next();
  const std::uintptr_t again = HeldLock::again_as(HeldLock::Way::Read, rwlock);
  if (would_do_again(*actor, slot, again, StackPlace::at(from.stack_pointer)) && is_same_lock(slot, rwlock)) [[likely]]
    return {.actor = actor, .slot = &slot, .lock = slot.object};
  leave_shim();
  return {};
}

// The mutex is locked, and the shim is left. Whoever had it before us may have asked for an order, and left in it what
// he knew: that is seen now, not before. Then nothing is recorded, and the answer is false.
[[gnu::always_inline]] inline bool takes_again(const Again& its) noexcept {
  const bool is_usual = order::needs_to_take(order::Edge::Lock) == 0;
  if (is_usual && holds_again(*its.actor, *its.slot, *its.lock)) [[likely]] {
    leave_shim();
    return true;
  }
  return false;
}
// The same of one that is locked for reading.
[[gnu::always_inline]] inline bool reads_again(const Again& its) noexcept {
  const bool is_usual = order::needs_to_take(order::Edge::Lock) == 0;
  if (is_usual && holds_again_for_reading(*its.actor, *its.slot)) [[likely]] {
    leave_shim();
    return true;
  }
  return false;
}
// ---- and who takes turns: what he did last with that lock there, while he held nothing else ----
struct Turn {
  Actor* actor;
  HeldLocks::List* list;
  explicit operator bool() const noexcept { return actor != nullptr; }
};
// As would_take_again(), of that.
[[gnu::always_inline]] inline Turn would_take_in_turn(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  Actor* const actor = quick_actor(kReasonsNotInPlace);
  if (actor == nullptr || glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) [[unlikely]]
    return {};
  HeldLocks::List* const list = actor->held.list_of(mutex, from.first_return);
  if (list == nullptr || !actor->held.empty()) return {};
  enter_shim();
  const std::uintptr_t again = HeldLock::again_as(HeldLock::Way::Mutex, mutex);
  if (would_do_again(*actor, list->first(), again, StackPlace::at(from.stack_pointer))) [[likely]]
    return {.actor = actor, .list = list};
  leave_shim();
  return {};
}
// As takes_again(), of that.
[[gnu::always_inline]] inline bool takes_in_turn(const Turn& its) noexcept {
  const bool is_usual = order::needs_to_take(order::Edge::Lock) == 0;
  if (is_usual && holds_in_turn(*its.actor, *its.list)) [[likely]] {
    leave_shim();
    return true;
  }
  return false;
}

// Neither was: it is recorded anew, if that is all, and the shim is left.
[[gnu::noinline]] inline bool takes_since(const pthread_mutex_t* mutex) noexcept {
  Actor& actor = *vigil::shim::detail::lane.acting;
  const HeldLock slot = actor.held.next();
  const bool is_usual = order::needs_to_take(order::Edge::Lock) == 0 && is_same_lock(slot, mutex) &&
                        slot.object->type == ObjectType::Mutex;
  if (is_usual) holds_anew(actor, *slot.object, {.stack = slot.taken_at, .recent = slot.recent});
  leave_shim();
  return is_usual;
}
[[gnu::noinline]] inline bool reads_since(const pthread_rwlock_t* rwlock) noexcept {
  Actor& actor = *vigil::shim::detail::lane.acting;
  const HeldLock slot = actor.held.next();
  const bool is_usual = order::needs_to_take(order::Edge::Lock) == 0 && is_same_lock(slot, rwlock);
  if (is_usual) reads_anew(actor, *slot.object, {.stack = slot.taken_at, .recent = slot.recent});
  leave_shim();
  return is_usual;
}

[[gnu::noinline]] inline void turns_to(Actor& thread, const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  const int saved_errno = errno;
  thread.held.turn_to(mutex, from.first_return);
  errno = saved_errno;
}

// ---- who does something else ---------------------------------------------------------------------------------------
// Takes the mutex, if it is free and known, at a place that is known.
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
  const TakenAt place = taken_at(*standing);
  // The guard is held while this runs, which does not wait.
  if (try_now(mutex) != 0) [[unlikely]]
    return Got::Nothing;
  if (keeps == Keeps::Nothing && order::needs_to_take(order::Edge::Lock) != 0) [[unlikely]]
    return Got::TheLock;  // as in takes_again()
  if (actor->type == ActorType::Thread && actor->held.empty()) turns_to(*actor, mutex, from);
  holds_another(*actor, *lock, place, HeldLock::again_as(HeldLock::Way::Mutex, mutex));
  if constexpr (keeps == Keeps::TheWholeOrder) learn_from(*lock, *actor);
  return Got::Recorded;
}

template <Keeps keeps>
[[gnu::always_inline]] inline bool mutex_back_again(const pthread_mutex_t* mutex) noexcept {
  Actor* const actor = quick_actor(kReasons<keeps>);
  if (actor == nullptr || glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP) [[unlikely]]
    return false;
  if (glibc::owner_of(mutex) != vigil::shim::detail::lane.tid) [[unlikely]]
    return false;
  if (keeps != Keeps::Nothing && !is_kept_by<keeps>(order::needs_to_take(order::Edge::Lock), *actor)) return false;
  const QuickGuard inside;
  if constexpr (keeps == Keeps::TheWholeOrder) {
    // What it knows is left in the lock before that is seen to be free.
    const HeldLock& held = actor->held.youngest();
    if (held.again != HeldLock::again_as(HeldLock::Way::Mutex, mutex)) return false;
    if (!held.object->is_held_as(held.acquisition)) return false;
    teach(*held.object, *actor);
  }
  return gives_back_again(*actor, HeldLock::again_as(HeldLock::Way::Mutex, mutex));
}

// The mutex is locked, at a place that may not be known.
template <Keeps keeps>
[[gnu::always_inline]] inline bool short_mutex_taken(const pthread_mutex_t* mutex, CalledFrom from) noexcept {
  if (glibc::kind_of(mutex) != PTHREAD_MUTEX_TIMED_NP || stage() != Stage::Live) return false;
  const QuickGuard inside;
  const QuickLook look(mutex);
  if (!look.suffices() || vigil::shim::detail::lane.recent == nullptr) return false;
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

[[gnu::noinline]] inline Got takes_another_mutex(pthread_mutex_t* mutex, CalledFrom from) noexcept {
  return takes_mutex<Keeps::Nothing>(mutex, from);
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
[[gnu::noinline]] inline Got takes_for_reading(pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
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
  const TakenAt place = taken_at(*standing);
  if (try_reading_now(rwlock) != 0) [[unlikely]]
    return Got::Nothing;
  if (order::needs_to_take(order::Edge::Lock) != 0) [[unlikely]]
    return Got::TheLock;  // as in takes_again()
  reads_anew(*actor, *lock, place);
  return Got::Recorded;
}

[[gnu::always_inline]] inline bool read_back_again(const pthread_rwlock_t* rwlock) noexcept {
  Actor* const actor = quick_actor(kReasons<Keeps::Nothing>);
  if (actor == nullptr || glibc::writer_of(rwlock) != 0 || !glibc::has_readers(rwlock) || glibc::is_shared(rwlock))
      [[unlikely]]
    return false;
  const QuickGuard inside;
  HeldLock& held = actor->held.youngest();
  if (held.again != HeldLock::again_as(HeldLock::Way::Read, rwlock) || !is_same_lock(held, rwlock)) [[unlikely]]
    return false;
  order::moment_over();
  actor->held.remove_slot(held);
  return true;
}

// It is locked for reading.
[[gnu::noinline]] inline bool quick_read_taken(const pthread_rwlock_t* rwlock, CalledFrom from) noexcept {
  if (stage() != Stage::Live || glibc::is_shared(rwlock)) return false;
  const QuickGuard inside;
  const QuickLook look(rwlock);
  if (!look.suffices() || vigil::shim::detail::lane.recent == nullptr) return false;
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
