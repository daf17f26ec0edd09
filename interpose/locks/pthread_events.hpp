// Pthread events: what the wrappers of mutexes, read-write locks and spin locks tell, pthread's and C11's. Each passes
// through record(). A wish is told before the real call, a lock taken after it, an unlock before it.
#pragma once

#include <pthread.h>

#include "interpose/locks/lock_events.hpp"

namespace vigil::shim::locks {

// ---- mutexes -------------------------------------------------------------------------------------------------------
void mutex_wanted(const pthread_mutex_t* mutex) noexcept;  // this thread is going to wait for it
void mutex_taken(const pthread_mutex_t* mutex, Attempt attempt) noexcept;
// unlock(), with what is wrong with it; give_back: as a wait on a condition does.
void mutex_unlocking(const pthread_mutex_t* mutex) noexcept;
// The same while there is only one thread, whose locks are not followed: the lock word tells whether it is locked.
void mutex_unlocking_alone(const pthread_mutex_t* mutex) noexcept;
void mutex_given_back(const pthread_mutex_t* mutex) noexcept;
void mutex_destroyed(const pthread_mutex_t* mutex) noexcept;

// ---- read-write locks ----------------------------------------------------------------------------------------------
void rwlock_wanted(const pthread_rwlock_t* lock, LockMode mode) noexcept;
// libc knows a writer that locks again, also for reading, and does not let it wait.
void rwlock_refused(const pthread_rwlock_t* lock) noexcept;
void rwlock_taken(const pthread_rwlock_t* lock, LockMode mode, Attempt attempt) noexcept;
void rwlock_unlocking(const pthread_rwlock_t* lock) noexcept;
void rwlock_destroyed(const pthread_rwlock_t* lock) noexcept;

// ---- spin locks ----------------------------------------------------------------------------------------------------
void spin_wanted(const volatile void* lock) noexcept;  // this thread is going to spin for it
void spin_taken(const volatile void* lock, Attempt attempt) noexcept;
void spin_unlocking(const volatile void* lock) noexcept;
void spin_destroyed(const volatile void* lock) noexcept;

// ---- any -----------------------------------------------------------------------------------------------------------
// This thread waits no more, and did not get it.
void wait_failed() noexcept;
// Initialised, or destroyed when nothing can be wrong with that.
void lock_born(const volatile void* lock) noexcept;
void lock_gone(const volatile void* lock) noexcept;
// The memory [low, high) is about to be given back, and the locks in it go. Inside record().
void locks_freed(std::uintptr_t low, std::uintptr_t high) noexcept;

}  // namespace vigil::shim::locks
