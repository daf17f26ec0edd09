#include "interpose/locks/in_place.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "interpose/libc_function.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::locks::in_place {
namespace {

// Where glibc's functions look. A header that says otherwise is not the one this was written for.
static_assert(offsetof(__pthread_mutex_s, __lock) == 0 && offsetof(__pthread_mutex_s, __owner) == 8 &&
              offsetof(__pthread_mutex_s, __nusers) == 12 && offsetof(__pthread_mutex_s, __kind) == 16);
static_assert(offsetof(__pthread_rwlock_arch_t, __readers) == 0 && offsetof(__pthread_rwlock_arch_t, __shared) == 28 &&
              offsetof(__pthread_rwlock_arch_t, __flags) == 48);

// Whoever stands before glibc, a sanitizer's runtime or another preloaded library, has to hear of each lock.
template <class... Functions>
bool are_glibcs(Functions*... functions) noexcept {
  return (is_libcs(reinterpret_cast<const void*>(functions)) && ...);
}

template <class Lock>
bool is_same(const Lock& one, const Lock& other) noexcept {
  return std::memcmp(&one, &other, sizeof(Lock)) == 0;  // NOLINT(bugprone-suspicious-memory-comparison): every byte
}

// Each step by the real function, and the next by ours, and the other way round: what lies in the lock must be the
// same, every byte of it. Where locks are elided, the first real one changes the kind.
bool mutexes_are_as_expected(const RealPthread& real) noexcept {
  const pthread_mutex_t free = PTHREAD_MUTEX_INITIALIZER;
  const int tid = this_tid();
  pthread_mutex_t expected = free;
  expected.__data.__lock = kHeld;
  expected.__data.__owner = tid;
  expected.__data.__nusers = 1;
  pthread_mutex_t contended = expected;
  contended.__data.__lock = kHeld + 1;
  const pthread_mutex_t left = contended;

  pthread_mutex_t mutex = free;
  return real.mutex_lock(&mutex) == 0 && is_same(mutex, expected) &&                    //
         !takes(&mutex, tid) && gives_back(&mutex) && is_same(mutex, free) &&           //
         real.mutex_trylock(&mutex) == 0 && is_same(mutex, expected) &&                 //
         real.mutex_unlock(&mutex) == 0 && is_same(mutex, free) &&                      //
         takes(&mutex, tid) && is_same(mutex, expected) &&                              //
         real.mutex_trylock(&mutex) == EBUSY && real.mutex_destroy(&mutex) == EBUSY &&  //
         real.mutex_unlock(&mutex) == 0 && is_same(mutex, free) &&                      //
         !gives_back(&contended) && is_same(contended, left);
}
bool rwlocks_are_as_expected(const RealPthread& real) noexcept {
  const pthread_rwlock_t free = PTHREAD_RWLOCK_INITIALIZER;
  pthread_rwlock_t one_reads = free;
  one_reads.__data.__readers = kOneReader;
  pthread_rwlock_t two_read = free;
  two_read.__data.__readers = 2 * kOneReader;

  pthread_rwlock_t lock = free;
  return is_plain(&lock) && real.rwlock_rdlock(&lock) == 0 && is_same(lock, one_reads) &&  //
         takes_for_reading(&lock) && is_same(lock, two_read) &&                            //
         real.rwlock_unlock(&lock) == 0 && is_same(lock, one_reads) &&                     //
         real.rwlock_trywrlock(&lock) == EBUSY && gives_back_for_reading(&lock) &&         //
         is_same(lock, free) && !gives_back_for_reading(&lock) &&                          //
         takes_for_reading(&lock) && real.rwlock_tryrdlock(&lock) == 0 &&                  //
         is_same(lock, two_read) && gives_back_for_reading(&lock) &&                       //
         real.rwlock_unlock(&lock) == 0 && is_same(lock, free) &&                          //
         real.rwlock_trywrlock(&lock) == 0 && !takes_for_reading(&lock) &&                 //
         real.rwlock_unlock(&lock) == 0;
}

}  // namespace

void check() noexcept {
  const RealPthread& real = real_pthread();
  const bool is_glibc =
      are_glibcs(real.mutex_lock, real.mutex_trylock, real.mutex_timedlock, real.mutex_clocklock, real.mutex_unlock,
                 real.cond_wait, real.rwlock_rdlock, real.rwlock_tryrdlock, real.rwlock_wrlock, real.rwlock_unlock);
  if (!is_glibc || !mutexes_are_as_expected(real) || !rwlocks_are_as_expected(real)) return;
  // relaxed: what is known from here on lies in the code.
  vigil::shim::detail::detours.fetch_and(static_cast<std::uint8_t>(~vigil::shim::detail::kForwards),
                                         std::memory_order_relaxed);
}

}  // namespace vigil::shim::locks::in_place
