// Wrappers of mutexes, read-write locks and spin locks, pthread's and C11's.
//
// A lock that may block is tried first: only a thread that really has to wait is marked as blocked.
#include <pthread.h>
#include <threads.h>

#include <algorithm>
#include <cerrno>

#include "interpose/export.hpp"
#include "interpose/locks/alone.hpp"
#include "interpose/locks/glibc_locks.hpp"
#include "interpose/locks/pthread_events.hpp"
#include "interpose/locks/quick_locks.hpp"
#include "interpose/locks/shared_order.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using locks::Attempt;
using locks::LockMode;

bool got(int rc) noexcept { return rc == 0 || rc == EOWNERDEAD; }

// Waits for a lock that was not free, and whose wish is told.
template <class Object, class Wait>
int wait_for(CallKind kind, const Object* object, Wait&& wait) noexcept {
  BlockedScope blocked(kind, address_of(object), !locks::glibc::is_shared(object));
  const int rc = wait();
  blocked.leave();
  if (!got(rc)) locks::wait_failed();
  return rc;
}

// Another process may hold it: who waits for it, and for whom, is not known here.
template <class Wait>
int wait_for_mutex(const pthread_mutex_t* mutex, Wait&& wait) noexcept {
  if (!locks::glibc::is_shared(mutex)) locks::mutex_wanted(mutex);
  return wait_for(CallKind::Mutex, mutex, wait);
}
template <class Wait>
int wait_for_rwlock(CallKind kind, const pthread_rwlock_t* lock, Wait&& wait) noexcept {
  if (!locks::glibc::is_shared(lock)) {
    locks::rwlock_wanted(lock, kind == CallKind::ReadLock ? LockMode::Shared : LockMode::Exclusive);
  }
  const int rc = wait_for(kind, lock, wait);
  if (rc == EDEADLK) locks::rwlock_refused(lock);
  return rc;
}

// Sections under a spin lock are short, and who waits for one has no time to say so. One that is not free for a tenth
// of a millisecond is waited for like any other; its thread stays awake.
int wait_for_spin(pthread_spinlock_t* lock) noexcept {
  constexpr int kAttempts = 50;
  constexpr int kMostPauses = 64;  // between two attempts, so that the holder has its cache line for itself
  const RealPthread& real = real_pthread();
  for (int attempt = 0, pauses = 1; attempt < kAttempts; ++attempt, pauses = std::min(2 * pauses, kMostPauses)) {
    for (int i = 0; i < pauses; ++i) __builtin_ia32_pause();
    if (const int rc = real.spin_trylock(lock); rc != EBUSY) return rc;
  }
  locks::spin_wanted(lock);
  const int rc = real.spin_lock(lock);
  if (!got(rc)) locks::wait_failed();
  return rc;
}

int locked_if(int rc, const pthread_mutex_t* mutex, Attempt attempt) noexcept {
  if (!got(rc)) return rc;
  locks::mutex_taken(mutex, attempt);
  locks::took_shared(mutex);
  return rc;
}
int write_locked_if(int rc, const pthread_rwlock_t* lock, Attempt attempt) noexcept {
  if (rc != 0) return rc;
  locks::rwlock_taken(lock, LockMode::Exclusive, attempt);
  locks::took_shared(lock);
  return rc;
}
int read_locked_if(int rc, const pthread_rwlock_t* lock, Attempt attempt) noexcept {
  if (rc != 0) return rc;
  locks::rwlock_taken(lock, LockMode::Shared, attempt);
  locks::took_shared(lock);
  return rc;
}

bool watching() noexcept { return vigil::shim::detail::concurrent.load(std::memory_order_relaxed) && !inside_shim; }

// The usual way of a wrapper stands in the wrapper, and every other behind a call at its end: so it saves no more
// registers than it needs itself.
[[gnu::noinline]] int lock_mutex_slow(pthread_mutex_t* mutex, std::uintptr_t stack_pointer,
                                      locks::Got so_far) noexcept {
  const locks::CalledFrom from = locks::called_from(stack_pointer);
  const RealPthread& real = real_pthread();
  if (so_far == locks::Got::Nothing && !watching()) {
    const int rc = real.mutex_lock(mutex);
    if (rc == 0 && locks::alone::is_noted(mutex)) locks::alone::note(mutex, locks::alone::Sort::Mutex, from);
    return rc;
  }
  if (so_far == locks::Got::Nothing && order::needs_to_take(order::Edge::Lock) != 0) {
    so_far = locks::takes_ordered_mutex(mutex, from);
    if (so_far == locks::Got::Recorded) return 0;
  }
  int rc = so_far == locks::Got::TheLock ? 0 : real.mutex_trylock(mutex);
  if (rc == 0 && locks::quick_mutex_taken(mutex, from)) return 0;
  if (rc == EBUSY) rc = wait_for_mutex(mutex, [&] { return real.mutex_lock(mutex); });
  return locked_if(rc, mutex, Attempt::Blocking);
}
[[gnu::noinline]] int lock_other_mutex(pthread_mutex_t* mutex, std::uintptr_t stack_pointer) noexcept {
  const locks::Got got = locks::takes_another_mutex(mutex, locks::called_from(stack_pointer));
  return got == locks::Got::Recorded ? 0 : lock_mutex_slow(mutex, stack_pointer, got);
}
[[gnu::noinline]] int lock_in_turn(pthread_mutex_t* mutex, std::uintptr_t stack_pointer) noexcept {
  const locks::Turn its = locks::would_take_in_turn(mutex, locks::called_from(stack_pointer));
  if (!its) return lock_other_mutex(mutex, stack_pointer);
  const bool is_free = locks::in_place::takes(mutex, vigil::shim::detail::lane.tid);
  if (is_free && locks::takes_in_turn(its)) [[likely]]
    return 0;
  locks::leave_shim();
  return lock_mutex_slow(mutex, stack_pointer, is_free ? locks::Got::TheLock : locks::Got::Nothing);
}
// would_take_again(), and rc came of it, but not takes_again().
[[gnu::noinline]] int locked_since(int rc, pthread_mutex_t* mutex, std::uintptr_t stack_pointer) noexcept {
  if (rc == 0) return locks::takes_since(mutex) ? 0 : lock_mutex_slow(mutex, stack_pointer, locks::Got::TheLock);
  locks::leave_shim();
  return lock_mutex_slow(mutex, stack_pointer, locks::Got::Nothing);
}
[[gnu::noinline]] bool unlocks_ordered_mutex(const pthread_mutex_t* mutex) noexcept {
  return order::needs_to_take(order::Edge::Lock) != 0 && locks::ordered_mutex_back_again(mutex);
}
[[gnu::noinline]] int unlock_mutex_slow(pthread_mutex_t* mutex) noexcept {
  if (!watching()) {
    locks::alone::forget(mutex);
    locks::mutex_unlocking_alone(mutex);
  } else if (!unlocks_ordered_mutex(mutex) && !locks::quick_mutex_unlocking(mutex)) {
    locks::mutex_unlocking(mutex);
    locks::gives_shared_back(mutex);
  }
  return real_pthread().mutex_unlock(mutex);
}

[[gnu::noinline]] int read_lock_slow(pthread_rwlock_t* lock, std::uintptr_t stack_pointer, locks::Got so_far) noexcept {
  const locks::CalledFrom from = locks::called_from(stack_pointer);
  const RealPthread& real = real_pthread();
  if (so_far == locks::Got::Nothing && !watching()) return real.rwlock_rdlock(lock);
  int rc = so_far == locks::Got::TheLock ? 0 : real.rwlock_tryrdlock(lock);
  if (rc == 0 && locks::quick_read_taken(lock, from)) return 0;
  if (rc == EBUSY) rc = wait_for_rwlock(CallKind::ReadLock, lock, [&] { return real.rwlock_rdlock(lock); });
  return read_locked_if(rc, lock, Attempt::Blocking);
}
[[gnu::noinline]] int read_other_lock(pthread_rwlock_t* lock, std::uintptr_t stack_pointer) noexcept {
  const locks::Got got = locks::takes_for_reading(lock, locks::called_from(stack_pointer));
  return got == locks::Got::Recorded ? 0 : read_lock_slow(lock, stack_pointer, got);
}
[[gnu::noinline]] int read_locked_since(int rc, pthread_rwlock_t* lock, std::uintptr_t stack_pointer) noexcept {
  if (rc == 0) return locks::reads_since(lock) ? 0 : read_lock_slow(lock, stack_pointer, locks::Got::TheLock);
  locks::leave_shim();
  return read_lock_slow(lock, stack_pointer, locks::Got::Nothing);
}
[[gnu::noinline]] int unlock_rwlock_slow(pthread_rwlock_t* lock) noexcept {
  if (!watching()) {
    locks::alone::forget(lock);
  } else if (!locks::quick_read_unlocking(lock)) {
    locks::rwlock_unlocking(lock);
    locks::gives_shared_back(lock);
  }
  return real_pthread().rwlock_unlock(lock);
}

}  // namespace

extern "C" VIGIL_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  const locks::CalledFrom from = locks::called_from();
  const locks::Again its = locks::would_take_again(mutex, from);
  if (!its) [[unlikely]]
    return lock_in_turn(mutex, from.stack_pointer);
  if (!locks::in_place::takes(mutex, vigil::shim::detail::lane.tid)) [[unlikely]]
    return locked_since(EBUSY, mutex, from.stack_pointer);
  if (!locks::takes_again(its)) [[unlikely]]
    return locked_since(0, mutex, from.stack_pointer);
  return 0;
}

extern "C" VIGIL_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const int rc = real_pthread().mutex_trylock(mutex);
  return sync_events::watching() ? locked_if(rc, mutex, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  const int rc = real_pthread().mutex_timedlock(mutex, until);
  return sync_events::watching() ? locked_if(rc, mutex, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                                    const timespec* until) noexcept {
  const int rc = real_pthread().mutex_clocklock(mutex, clock, until);
  return sync_events::watching() ? locked_if(rc, mutex, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  const bool is_done = locks::mutex_back_again<locks::Keeps::Nothing>(mutex);
  if (is_done) [[likely]]
    return locks::give_back_now(mutex);
  return unlock_mutex_slow(mutex);
}

extern "C" VIGIL_EXPORT int pthread_mutex_init(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes) noexcept {
  locks::lock_born(mutex);
  return real_pthread().mutex_init(mutex, attributes);
}

extern "C" VIGIL_EXPORT int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  if (stage() == Stage::Live) locks::mutex_destroyed(mutex);
  return real_pthread().mutex_destroy(mutex);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  const locks::CalledFrom from = locks::called_from();
  const locks::Again its = locks::would_read_again(lock, from);
  if (!its) [[unlikely]]
    return read_other_lock(lock, from.stack_pointer);
  if (!locks::in_place::takes_for_reading(lock)) [[unlikely]]
    return read_locked_since(EBUSY, lock, from.stack_pointer);
  if (!locks::reads_again(its)) [[unlikely]]
    return read_locked_since(0, lock, from.stack_pointer);
  return 0;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept {
  const int rc = real_pthread().rwlock_tryrdlock(lock);
  return sync_events::watching() ? read_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_timedrdlock(lock, until);
  return sync_events::watching() ? read_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock,
                                                       const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_clockrdlock(lock, clock, until);
  return sync_events::watching() ? read_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) {
    if (!locks::alone::is_noted(lock)) return real.rwlock_wrlock(lock);
    const int rc = real.rwlock_wrlock(lock);
    if (rc == 0) locks::alone::note(lock, locks::alone::Sort::WriteLock, locks::called_from());
    return rc;
  }
  int rc = real.rwlock_trywrlock(lock);
  if (rc == EBUSY) rc = wait_for_rwlock(CallKind::WriteLock, lock, [&] { return real.rwlock_wrlock(lock); });
  return write_locked_if(rc, lock, Attempt::Blocking);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept {
  const int rc = real_pthread().rwlock_trywrlock(lock);
  return sync_events::watching() ? write_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_timedwrlock(lock, until);
  return sync_events::watching() ? write_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock,
                                                       const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_clockwrlock(lock, clock, until);
  return sync_events::watching() ? write_locked_if(rc, lock, Attempt::Tried) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  const bool is_done = locks::read_back_again(lock);
  return is_done ? locks::read_back_now(lock) : unlock_rwlock_slow(lock);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_init(pthread_rwlock_t* lock,
                                                const pthread_rwlockattr_t* attributes) noexcept {
  locks::lock_born(lock);
  return real_pthread().rwlock_init(lock, attributes);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_destroy(pthread_rwlock_t* lock) noexcept {
  if (stage() == Stage::Live) locks::rwlock_destroyed(lock);
  return real_pthread().rwlock_destroy(lock);
}

extern "C" VIGIL_EXPORT int pthread_spin_init(pthread_spinlock_t* lock, int shared) noexcept {
  locks::lock_born(lock);
  return real_pthread().spin_init(lock, shared);
}

extern "C" VIGIL_EXPORT int pthread_spin_destroy(pthread_spinlock_t* lock) noexcept {
  if (stage() == Stage::Live) locks::spin_destroyed(lock);
  return real_pthread().spin_destroy(lock);
}

extern "C" VIGIL_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  const RealPthread& real = real_pthread();
  if (!watching()) return real.spin_lock(lock);
  int rc = real.spin_trylock(lock);
  if (rc == EBUSY) rc = wait_for_spin(lock);
  if (rc == 0) {
    locks::spin_taken(lock, Attempt::Blocking);
    sync_events::acquired_shared(lock, order::Edge::Lock);
  }
  return rc;
}

extern "C" VIGIL_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  const int rc = real_pthread().spin_trylock(lock);
  if (rc == 0 && sync_events::watching()) {
    locks::spin_taken(lock, Attempt::Tried);
    sync_events::acquired_shared(lock, order::Edge::Lock);
  }
  return rc;
}

extern "C" VIGIL_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  if (sync_events::watching()) {
    locks::spin_unlocking(lock);
    sync_events::released_shared(lock, order::Edge::Lock);
  }
  return real_pthread().spin_unlock(lock);
}

// C11's mtx_t is a pthread_mutex_t inside; its functions do not come by pthread's names.
namespace {

pthread_mutex_t* inside(mtx_t* mutex) noexcept { return reinterpret_cast<pthread_mutex_t*>(mutex); }

int c11_locked_if(int rc, mtx_t* mutex, Attempt attempt) noexcept {
  if (rc == thrd_success && sync_events::watching()) locks::mutex_taken(inside(mutex), attempt);
  return rc;
}

}  // namespace

extern "C" VIGIL_EXPORT int mtx_init(mtx_t* mutex, int type) {
  locks::lock_born(mutex);
  return real_pthread().mtx_init(mutex, type);
}

extern "C" VIGIL_EXPORT void mtx_destroy(mtx_t* mutex) {
  if (stage() == Stage::Live) locks::mutex_destroyed(inside(mutex));
  real_pthread().mtx_destroy(mutex);
}

extern "C" VIGIL_EXPORT int mtx_lock(mtx_t* mutex) {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) {
    if (!locks::alone::is_noted(mutex)) return real.mtx_lock(mutex);
    const int rc = real.mtx_lock(mutex);
    if (rc == thrd_success) locks::alone::note(mutex, locks::alone::Sort::Mutex, locks::called_from());
    return rc;
  }
  int rc = real.mtx_trylock(mutex);
  if (rc == thrd_busy) {
    rc = wait_for_mutex(inside(mutex), [&] { return real.mtx_lock(mutex); });
  }
  return c11_locked_if(rc, mutex, Attempt::Blocking);
}

extern "C" VIGIL_EXPORT int mtx_trylock(mtx_t* mutex) {
  return c11_locked_if(real_pthread().mtx_trylock(mutex), mutex, Attempt::Tried);
}

extern "C" VIGIL_EXPORT int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  return c11_locked_if(real_pthread().mtx_timedlock(mutex, until), mutex, Attempt::Tried);
}

extern "C" VIGIL_EXPORT int mtx_unlock(mtx_t* mutex) {
  if (sync_events::watching()) {
    locks::mutex_unlocking(inside(mutex));
  } else {
    locks::alone::forget(mutex);
  }
  return real_pthread().mtx_unlock(mutex);
}
