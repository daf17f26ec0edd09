// Wrappers of mutexes, read-write locks and spin locks, pthread's and C11's.
//
// A lock that may block is tried first: only a thread that really has to wait is marked as blocked.
#include <pthread.h>
#include <threads.h>

#include <cerrno>

#include "interpose/export.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

std::uintptr_t address_of(const void* object) noexcept { return reinterpret_cast<std::uintptr_t>(object); }

// Another process may hold it.
bool is_shared(const pthread_mutex_t* mutex) noexcept {
  constexpr int kSharedBit = 128;  // glibc: PTHREAD_MUTEX_PSHARED_BIT
  return (mutex->__data.__kind & kSharedBit) != 0;
}
bool is_shared(const pthread_rwlock_t* lock) noexcept { return lock->__data.__shared != 0; }

bool got(int rc) noexcept { return rc == 0 || rc == EOWNERDEAD; }

// Waits for a lock that was not free.
template <class Object, class Wait>
int wait_for(CallKind kind, const Object* object, Wait&& wait) noexcept {
  BlockedScope blocked(kind, address_of(object), !is_shared(object));
  return wait();
}

int locked_if(int rc, const void* lock) noexcept {
  if (got(rc)) sync_events::locked(lock);
  return rc;
}
int read_locked_if(int rc, const void* lock) noexcept {
  if (rc == 0) sync_events::read_locked(lock);
  return rc;
}

int lock_mutex(pthread_mutex_t* mutex) noexcept {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.mutex_lock(mutex);
  int rc = real.mutex_trylock(mutex);
  if (rc == EBUSY) rc = wait_for(CallKind::Mutex, mutex, [&] { return real.mutex_lock(mutex); });
  return locked_if(rc, mutex);
}

}  // namespace

extern "C" VIGIL_EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept { return lock_mutex(mutex); }

extern "C" VIGIL_EXPORT int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  const int rc = real_pthread().mutex_trylock(mutex);
  return sync_events::watching() ? locked_if(rc, mutex) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  const int rc = real_pthread().mutex_timedlock(mutex, until);
  return sync_events::watching() ? locked_if(rc, mutex) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock,
                                                    const timespec* until) noexcept {
  const int rc = real_pthread().mutex_clocklock(mutex, clock, until);
  return sync_events::watching() ? locked_if(rc, mutex) : rc;
}

extern "C" VIGIL_EXPORT int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  if (sync_events::watching()) sync_events::unlocking(mutex);
  return real_pthread().mutex_unlock(mutex);
}

extern "C" VIGIL_EXPORT int pthread_mutex_destroy(pthread_mutex_t* mutex) noexcept {
  if (sync_events::watching()) sync_events::destroyed(mutex);
  return real_pthread().mutex_destroy(mutex);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.rwlock_rdlock(lock);
  int rc = real.rwlock_tryrdlock(lock);
  if (rc == EBUSY) rc = wait_for(CallKind::ReadLock, lock, [&] { return real.rwlock_rdlock(lock); });
  return read_locked_if(rc, lock);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock) noexcept {
  const int rc = real_pthread().rwlock_tryrdlock(lock);
  return sync_events::watching() ? read_locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_timedrdlock(lock, until);
  return sync_events::watching() ? read_locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock,
                                                       const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_clockrdlock(lock, clock, until);
  return sync_events::watching() ? read_locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.rwlock_wrlock(lock);
  int rc = real.rwlock_trywrlock(lock);
  if (rc == EBUSY) rc = wait_for(CallKind::WriteLock, lock, [&] { return real.rwlock_wrlock(lock); });
  return locked_if(rc, lock);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t* lock) noexcept {
  const int rc = real_pthread().rwlock_trywrlock(lock);
  return sync_events::watching() ? locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t* lock, const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_timedwrlock(lock, until);
  return sync_events::watching() ? locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock,
                                                       const timespec* until) noexcept {
  const int rc = real_pthread().rwlock_clockwrlock(lock, clock, until);
  return sync_events::watching() ? locked_if(rc, lock) : rc;
}

extern "C" VIGIL_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t* lock) noexcept {
  if (sync_events::watching()) {
    // A writer has it alone: the kernel's id of the owner says so.
    if (lock->__data.__cur_writer != 0) {
      sync_events::unlocking(lock);
    } else {
      sync_events::read_unlocking(lock);
    }
  }
  return real_pthread().rwlock_unlock(lock);
}

extern "C" VIGIL_EXPORT int pthread_rwlock_destroy(pthread_rwlock_t* lock) noexcept {
  if (sync_events::watching()) sync_events::destroyed(lock);
  return real_pthread().rwlock_destroy(lock);
}

extern "C" VIGIL_EXPORT int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  const int rc = real_pthread().spin_lock(lock);  // a spinning thread is awake
  if (rc == 0 && sync_events::watching()) sync_events::locked(lock);
  return rc;
}

extern "C" VIGIL_EXPORT int pthread_spin_trylock(pthread_spinlock_t* lock) noexcept {
  const int rc = real_pthread().spin_trylock(lock);
  if (rc == 0 && sync_events::watching()) sync_events::locked(lock);
  return rc;
}

extern "C" VIGIL_EXPORT int pthread_spin_unlock(pthread_spinlock_t* lock) noexcept {
  if (sync_events::watching()) sync_events::unlocking(lock);
  return real_pthread().spin_unlock(lock);
}

// C11's mtx_t is a pthread_mutex_t inside; its functions do not come by pthread's names.
extern "C" VIGIL_EXPORT int mtx_lock(mtx_t* mutex) {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.mtx_lock(mutex);
  int rc = real.mtx_trylock(mutex);
  if (rc == thrd_busy) {
    rc = wait_for(CallKind::Mutex, reinterpret_cast<pthread_mutex_t*>(mutex), [&] { return real.mtx_lock(mutex); });
  }
  if (rc == thrd_success) sync_events::locked(mutex);
  return rc;
}

extern "C" VIGIL_EXPORT int mtx_trylock(mtx_t* mutex) {
  const int rc = real_pthread().mtx_trylock(mutex);
  if (rc == thrd_success && sync_events::watching()) sync_events::locked(mutex);
  return rc;
}

extern "C" VIGIL_EXPORT int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  const int rc = real_pthread().mtx_timedlock(mutex, until);
  if (rc == thrd_success && sync_events::watching()) sync_events::locked(mutex);
  return rc;
}

extern "C" VIGIL_EXPORT int mtx_unlock(mtx_t* mutex) {
  if (sync_events::watching()) sync_events::unlocking(mutex);
  return real_pthread().mtx_unlock(mutex);
}
