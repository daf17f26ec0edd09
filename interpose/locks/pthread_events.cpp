#include "interpose/locks/pthread_events.hpp"

#include "interpose/lifecycle.hpp"
#include "interpose/locks/alone.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/lock_misuse.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::locks {
namespace {

LockObject& lock_at(const volatile void* address) noexcept {
  return find_lock(LockFamily::Pthread, const_cast<const void*>(address));
}

LockObject& lock_of(const pthread_rwlock_t* rwlock) noexcept {
  LockObject& lock = lock_at(rwlock);
  if (lock.type != ObjectType::RwMutex) {
    lock.becomes_two_sided();
    lock.prefers_writers = glibc::prefers_writers(rwlock);
  }
  return lock;
}

const volatile pthread_spinlock_t* spin_at(const volatile void* address) noexcept {
  return static_cast<const volatile pthread_spinlock_t*>(address);
}

int own_tid() noexcept { return this_thread().thread->tid.load(std::memory_order_relaxed); }

// A lock that the thread which forked held before the fork is the child's only thread's now.
bool is_mine(int owner) noexcept { return owner == own_tid() || (owner != 0 && owner == tid_before_fork()); }

// While there is one thread nobody follows its locks; but what the lock says of this very thread is certain. Not in the
// child of a fork, which makes its parent's locks anew.
bool is_held_alone(int owner) noexcept { return tid_before_fork() == 0 && owner == own_tid(); }

void give_back(const volatile void* address, LockMode mode) noexcept {
  released(current_actor(), lock_at(address), mode);
}

// What is wrong with unlocking that mutex, told. False: the unlock will change nothing.
bool check_unlock(const pthread_mutex_t* mutex, Unlock how) noexcept {
  const int owner = glibc::owner_of(mutex);
  if (is_mine(owner)) return true;
  // The robust ones and their like check it themselves and say so; whoever asks for that listens.
  const bool checked_by_libc = glibc::checks_errors(mutex) || !glibc::is_usual(mutex);
  if (checked_by_libc) return false;
  if (!glibc::is_locked(mutex)) {
    tell_unlock_not_held(current_actor(), &lock_at(mutex), how);
    return false;
  }
  // 0: taken by somebody who has not yet written his name; then it is no owner's unlock either, but who knows whose.
  if (owner == 0) return true;
  LockObject& lock = lock_at(mutex);
  tell_unlock_by_other(current_actor(), lock, how);
  lock.wandered.store(true, std::memory_order_relaxed);
  return !glibc::is_recursive(mutex);
}

}  // namespace

void mutex_wanted(const pthread_mutex_t* mutex) noexcept {
  record([&] {
    LockObject& lock = lock_at(mutex);
    Actor& actor = current_actor();
    const bool waits_for_itself = glibc::is_usual(mutex) && !glibc::checks_errors(mutex) &&
                                  !glibc::is_recursive(mutex) && glibc::owner_of(mutex) == own_tid();
    if (waits_for_itself) tell_double_lock(actor, lock, capture_stack());
    wanted(actor, lock, LockMode::Exclusive);
  });
}

void mutex_taken(const pthread_mutex_t* mutex, Attempt attempt) noexcept {
  record([&] {
    if (!glibc::is_held_again(mutex)) taken(current_actor(), lock_at(mutex), LockMode::Exclusive, attempt);
  });
}

void mutex_unlocking(const pthread_mutex_t* mutex) noexcept {
  record([&] {
    if (check_unlock(mutex, Unlock::Called) && !glibc::is_held_again(mutex)) give_back(mutex, LockMode::Exclusive);
  });
}

void mutex_unlocking_alone(const pthread_mutex_t* mutex) noexcept {
  if (glibc::is_locked(mutex) || !glibc::is_usual(mutex) || glibc::checks_errors(mutex)) return;
  // The child of a fork makes its parent's locks anew, and may then unlock what its parent had locked for the fork.
  if (stage() != Stage::Live || inside_shim || tid_before_fork() != 0) return;
  record([&] { tell_unlock_not_held(current_actor(), &lock_at(mutex)); });
}

void mutex_given_back(const pthread_mutex_t* mutex) noexcept {
  record([&] {
    if (check_unlock(mutex, Unlock::ByWait)) give_back(mutex, LockMode::Exclusive);
  });
}

void mutex_destroyed(const pthread_mutex_t* mutex) noexcept {
  record([&] {
    const int owner = glibc::is_usual(mutex) && glibc::is_locked(mutex) ? glibc::owner_of(mutex) : 0;
    if (owner != 0 && (is_concurrent() || is_held_alone(owner))) {
      if (!is_concurrent()) alone::recall(mutex);
      if (!tell_destroy_locked(lock_at(mutex))) return;
    }
    gone(mutex);
  });
}

void rwlock_wanted(const pthread_rwlock_t* rwlock, LockMode mode) noexcept {
  record([&] { wanted(current_actor(), lock_of(rwlock), mode); });
}

void rwlock_refused(const pthread_rwlock_t* rwlock) noexcept {
  record([&] { tell_lock_refused(current_actor(), lock_of(rwlock)); });
}

void rwlock_taken(const pthread_rwlock_t* rwlock, LockMode mode, Attempt attempt) noexcept {
  record([&] { taken(current_actor(), lock_of(rwlock), mode, attempt); });
}

void rwlock_unlocking(const pthread_rwlock_t* rwlock) noexcept {
  record([&] {
    // Who unlocks does not say as what; a writer has it alone and has left his name.
    const int writer = glibc::writer_of(rwlock);
    if (writer == 0) {
      if (!glibc::is_shared(rwlock) && !glibc::has_readers(rwlock)) {
        LockObject& lock = lock_of(rwlock);
        lock.wandered.store(true, std::memory_order_relaxed);  // from now on it counts one reader less than there are
        return tell_unlock_not_held(current_actor(), &lock);
      }
      return released(current_actor(), lock_of(rwlock), LockMode::Shared);
    }
    if (!is_mine(writer) && !glibc::is_shared(rwlock)) {
      LockObject& lock = lock_of(rwlock);
      tell_unlock_by_other(current_actor(), lock);
      lock.wandered.store(true, std::memory_order_relaxed);
    }
    released(current_actor(), lock_of(rwlock), LockMode::Exclusive);
  });
}

void rwlock_destroyed(const pthread_rwlock_t* rwlock) noexcept {
  record([&] {
    const int writer = glibc::is_shared(rwlock) ? 0 : glibc::writer_of(rwlock);
    const bool is_locked = writer != 0 || (!glibc::is_shared(rwlock) && glibc::has_readers(rwlock));
    const bool is_held = is_locked && !lock_of(rwlock).wandered.load(std::memory_order_relaxed);
    if (is_held && (is_concurrent() || is_held_alone(writer))) {
      if (!is_concurrent()) alone::recall(rwlock);
      if (!tell_destroy_locked(lock_of(rwlock))) return;
    }
    gone(rwlock);
  });
}

void spin_wanted(const volatile void* address) noexcept {
  record([&] {
    LockObject& lock = lock_at(address);
    lock.is_spin = true;
    wanted(current_actor(), lock, LockMode::Exclusive);
  });
}

void spin_taken(const volatile void* address, Attempt attempt) noexcept {
  record([&] {
    LockObject& lock = lock_at(address);
    lock.is_spin = true;
    taken(current_actor(), lock, LockMode::Exclusive, attempt);
  });
}

void spin_unlocking(const volatile void* address) noexcept {
  record([&] {
    LockObject& lock = lock_at(address);
    Actor& actor = current_actor();
    if (!glibc::is_locked(spin_at(address))) return tell_unlock_not_held(actor, &lock);
    // It keeps no owner, and so cannot tell; but then nobody knows who else may unlock it.
    if (lock.is_held() && lock.holder.load(std::memory_order_relaxed) != key_of(actor)) {
      lock.wandered.store(true, std::memory_order_relaxed);
    }
    released(actor, lock, LockMode::Exclusive);
  });
}

void spin_destroyed(const volatile void* address) noexcept {
  record([&] {
    // One that was never initialised may look locked.
    const LockObject* const known = remembered_lock(LockFamily::Pthread, const_cast<const void*>(address));
    if (known != nullptr && known->is_spin && known->is_held() && glibc::is_locked(spin_at(address))) {
      if (!tell_destroy_locked(*known)) return;
    }
    gone(const_cast<const void*>(address));
  });
}

void wait_failed() noexcept {
  record([] { gave_up(current_actor()); });
}

void lock_born(const volatile void* lock) noexcept {
  if (stage() == Stage::Live) record([&] { born(const_cast<const void*>(lock)); });
}

void lock_gone(const volatile void* lock) noexcept {
  if (stage() == Stage::Live) record([&] { gone(const_cast<const void*>(lock)); });
}

void locks_freed(std::uintptr_t low, std::uintptr_t high) noexcept {
  memory_gone(low, high, [](const LockObject& lock) {
    // Who frees what he has locked himself is untidy and does no harm; nor does one who ended with it.
    if (lock.family != LockFamily::Pthread || lock.type != ObjectType::Mutex || lock.is_spin || !lock.is_held() ||
        lock.abandoned.load(std::memory_order_relaxed) || lock.wandered.load(std::memory_order_relaxed) ||
        lock.holder.load(std::memory_order_relaxed) == key_of(current_actor()))
      return;
    // It may have been given back by a way that has no wrapper.
    const auto* const mutex = reinterpret_cast<const pthread_mutex_t*>(lock.address);
    const int owner = glibc::owner_of(mutex);
    if (glibc::is_usual(mutex) && glibc::is_locked(mutex) && owner != 0 && !is_mine(owner)) {
      tell_destroy_locked(lock, Destruction::Freed);
    }
  });
}

}  // namespace vigil::shim::locks
