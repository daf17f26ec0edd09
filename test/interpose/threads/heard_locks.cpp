// Stands between the shim and glibc, as another tool may, and counts the mutexes that it is asked to lock or try, and
// to unlock.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

namespace {

// relaxed: one thread counts at a time, and asks itself.
std::atomic<long> locks{0};
std::atomic<long> unlocks{0};

int next(const char* name, pthread_mutex_t* mutex) {
  return reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, name))(mutex);
}

}  // namespace

extern "C" {
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  locks.fetch_add(1, std::memory_order_relaxed);
  return next("pthread_mutex_lock", mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  locks.fetch_add(1, std::memory_order_relaxed);
  return next("pthread_mutex_trylock", mutex);
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  unlocks.fetch_add(1, std::memory_order_relaxed);
  return next("pthread_mutex_unlock", mutex);
}
long heard_locks() { return locks.load(std::memory_order_relaxed); }
long heard_unlocks() { return unlocks.load(std::memory_order_relaxed); }
}
