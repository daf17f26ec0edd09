// What glibc's locks say of themselves: who owns them, whether they are held, of what sort they are. Plain reads of
// words that change under our eyes; only what they say of the calling thread's own locks is certain.
#pragma once

#include <pthread.h>

namespace vigil::shim::locks::glibc {

// pthread_mutex_t::__data.__kind: the sort in the lowest bits, then what makes it special.
inline constexpr int kSortMask = 3;
inline constexpr int kRobust = 16;
inline constexpr int kPriorityInherits = 32;
inline constexpr int kPriorityProtects = 64;
inline constexpr int kShared = 128;
inline constexpr int kElided = 256;  // by transactional memory: has no owner while it is held

inline int kind_of(const pthread_mutex_t* mutex) noexcept { return mutex->__data.__kind; }
inline int sort_of(const pthread_mutex_t* mutex) noexcept { return kind_of(mutex) & kSortMask; }
inline bool is_recursive(const pthread_mutex_t* mutex) noexcept { return sort_of(mutex) == PTHREAD_MUTEX_RECURSIVE; }
inline bool checks_errors(const pthread_mutex_t* mutex) noexcept { return sort_of(mutex) == PTHREAD_MUTEX_ERRORCHECK; }
// Other processes may hold it.
inline bool is_shared(const pthread_mutex_t* mutex) noexcept { return (kind_of(mutex) & kShared) != 0; }
// Its lock word and owner mean what they mean in the usual ones.
inline bool is_usual(const pthread_mutex_t* mutex) noexcept {
  return (kind_of(mutex) & (kRobust | kPriorityInherits | kPriorityProtects | kShared | kElided)) == 0;
}
inline bool is_locked(const pthread_mutex_t* mutex) noexcept {
  return __atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) != 0;
}
// The kernel's id of the thread that holds it; 0: nobody.
inline int owner_of(const pthread_mutex_t* mutex) noexcept {
  return __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
}
// The owner holds it more than once: another lock or unlock of his changes nothing.
inline bool is_held_again(const pthread_mutex_t* mutex) noexcept {
  return is_recursive(mutex) && mutex->__data.__count > 1;
}

// glibc on x86: 1 is free, whoever waits counts down.
inline bool is_locked(const volatile pthread_spinlock_t* lock) noexcept { return *lock != 1; }

inline bool is_shared(const pthread_rwlock_t* lock) noexcept { return lock->__data.__shared != 0; }
inline int writer_of(const pthread_rwlock_t* lock) noexcept {
  return __atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED);
}
inline bool has_readers(const pthread_rwlock_t* lock) noexcept {
  constexpr unsigned kReaderShift = 3;  // glibc: PTHREAD_RWLOCK_READER_SHIFT
  return __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED) >> kReaderShift != 0;
}
inline bool prefers_writers(const pthread_rwlock_t* lock) noexcept {
  return lock->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
}

}  // namespace vigil::shim::locks::glibc
