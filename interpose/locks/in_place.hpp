// In place: a free lock of glibc's is taken, and given back while nobody waits for it, by the same few changes to it
// that glibc's own functions would make, without calling them: forwarding is most of what an uncontended lock costs
// under the shim (docs/decisions/0126-a-free-lock-is-taken-in-place.md).
//
// Of a mutex of the default kind, which static initialisers have made part of glibc's ABI:
//   __lock   0 free, 1 held, 2 held and somebody may wait
//   __owner  the kernel's id of the thread that holds it; 0: nobody
//   __nusers who holds it, and who waits on a condition variable with it
// Of a read-write lock that readers hold and nobody waits for: __readers is eight times their number.
// Everything else (it is not free, somebody waits, it is of another kind) is for glibc: each function says false and
// has changed nothing.
//
// Demands is_open(): the next functions in the order of lookup are glibc's, and do just that (check()).
#pragma once

#include <pthread.h>

#include <cstdint>

#include "interpose/current.hpp"
#include "interpose/locks/glibc_locks.hpp"

namespace vigil::shim::locks::in_place {

// Finds out whether locks can be taken in place here, and opens that way if so. Before the shim is Live.
void check() noexcept;
[[gnu::always_inline]] inline bool is_open() noexcept {
  return (vigil::shim::detail::detours.load(std::memory_order_relaxed) & vigil::shim::detail::kForwards) == 0;
}

inline constexpr int kFree = 0;
inline constexpr int kHeld = 1;

// Demands: the mutex is of the default kind; tid is the calling thread's, or 0: it is not known.
[[gnu::always_inline]] inline bool takes(pthread_mutex_t* mutex, int tid) noexcept {
  auto& its = mutex->__data;
  int before = kFree;
  if (tid == 0) [[unlikely]]
    return false;
  // acquire: pairs with the release of whoever gave it back, here or in glibc.
  if (!__atomic_compare_exchange_n(&its.__lock, &before, kHeld, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) [[unlikely]]
    return false;
  // Others read the owner (glibc_locks.hpp, debuggers), but only the holder's own answer rides on it.
  __atomic_store_n(&its.__owner, tid, __ATOMIC_RELAXED);
  ++its.__nusers;
  return true;
}
// Demands: the calling thread holds the mutex, which is of the default kind.
[[gnu::always_inline]] inline bool gives_back(pthread_mutex_t* mutex) noexcept {
  auto& its = mutex->__data;
  const int owner = its.__owner;
  __atomic_store_n(&its.__owner, 0, __ATOMIC_RELAXED);
  --its.__nusers;
  int before = kHeld;
  // release: pairs with the acquire of whoever takes it next. From here on it may be gone.
  if (__atomic_compare_exchange_n(&its.__lock, &before, kFree, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) [[likely]]
    return true;
  __atomic_store_n(&its.__owner, owner, __ATOMIC_RELAXED);  // it is still ours
  ++its.__nusers;
  return false;
}

// glibc keeps three marks below the number of readers: writers are at work, one holds or wants it, readers wait.
inline constexpr unsigned kOneReader = 8;
inline constexpr unsigned kMarks = kOneReader - 1;
inline constexpr unsigned kMostReaders = INT32_MAX;  // above lies the mark of glibc that there are too many

// Of the sort that a static initialiser makes, in this process alone.
[[gnu::always_inline]] inline bool is_plain(const pthread_rwlock_t* rwlock) noexcept {
  return rwlock->__data.__flags == PTHREAD_RWLOCK_DEFAULT_NP && !glibc::is_shared(rwlock);
}
[[gnu::always_inline]] inline bool changes_readers(pthread_rwlock_t* rwlock, unsigned from, unsigned to,
                                                   int order) noexcept {
  return __atomic_compare_exchange_n(&rwlock->__data.__readers, &from, to, false, order, __ATOMIC_RELAXED);
}
// Demands: is_plain().
[[gnu::always_inline]] inline bool takes_for_reading(pthread_rwlock_t* rwlock) noexcept {
  const unsigned readers = __atomic_load_n(&rwlock->__data.__readers, __ATOMIC_RELAXED);
  if ((readers & kMarks) != 0 || readers > kMostReaders - kOneReader) [[unlikely]]
    return false;
  return changes_readers(rwlock, readers, readers + kOneReader, __ATOMIC_ACQUIRE);
}
// Demands: is_plain(), and the calling thread holds it for reading.
[[gnu::always_inline]] inline bool gives_back_for_reading(pthread_rwlock_t* rwlock) noexcept {
  const unsigned readers = __atomic_load_n(&rwlock->__data.__readers, __ATOMIC_RELAXED);
  if ((readers & kMarks) != 0 || readers < kOneReader) [[unlikely]]
    return false;
  return changes_readers(rwlock, readers, readers - kOneReader, __ATOMIC_RELEASE);
}

}  // namespace vigil::shim::locks::in_place
