#include "interpose/real_pthread.hpp"

#include "interpose/real_calls.hpp"

namespace vigil::shim {

namespace detail {
constinit RealPthread real_pthread_table{};
constinit std::atomic<bool> real_pthread_known{false};
}  // namespace detail

namespace {

constinit RealPthread& table = detail::real_pthread_table;

void resolve_threads() noexcept {
  resolve(table.create, "pthread_create");
  resolve(table.join, "pthread_join");
  resolve(table.tryjoin, "pthread_tryjoin_np");
  resolve(table.timedjoin, "pthread_timedjoin_np");
  resolve(table.clockjoin, "pthread_clockjoin_np");
  resolve(table.thrd_create, "thrd_create");
  resolve(table.thrd_join, "thrd_join");
}

void resolve_locks() noexcept {
  resolve(table.mutex_lock, "pthread_mutex_lock");
  resolve(table.mutex_trylock, "pthread_mutex_trylock");
  resolve(table.mutex_timedlock, "pthread_mutex_timedlock");
  resolve(table.mutex_clocklock, "pthread_mutex_clocklock");
  resolve(table.mutex_init, "pthread_mutex_init");
  resolve(table.mutex_unlock, "pthread_mutex_unlock");
  resolve(table.mutex_destroy, "pthread_mutex_destroy");
  resolve(table.rwlock_rdlock, "pthread_rwlock_rdlock");
  resolve(table.rwlock_tryrdlock, "pthread_rwlock_tryrdlock");
  resolve(table.rwlock_timedrdlock, "pthread_rwlock_timedrdlock");
  resolve(table.rwlock_clockrdlock, "pthread_rwlock_clockrdlock");
  resolve(table.rwlock_wrlock, "pthread_rwlock_wrlock");
  resolve(table.rwlock_trywrlock, "pthread_rwlock_trywrlock");
  resolve(table.rwlock_timedwrlock, "pthread_rwlock_timedwrlock");
  resolve(table.rwlock_clockwrlock, "pthread_rwlock_clockwrlock");
  resolve(table.rwlock_unlock, "pthread_rwlock_unlock");
  resolve(table.rwlock_init, "pthread_rwlock_init");
  resolve(table.rwlock_destroy, "pthread_rwlock_destroy");
  resolve(table.spin_init, "pthread_spin_init");
  resolve(table.spin_destroy, "pthread_spin_destroy");
  resolve(table.spin_lock, "pthread_spin_lock");
  resolve(table.spin_trylock, "pthread_spin_trylock");
  resolve(table.spin_unlock, "pthread_spin_unlock");
  resolve(table.mtx_init, "mtx_init");
  resolve(table.mtx_destroy, "mtx_destroy");
  resolve(table.mtx_lock, "mtx_lock");
  resolve(table.mtx_trylock, "mtx_trylock");
  resolve(table.mtx_timedlock, "mtx_timedlock");
  resolve(table.mtx_unlock, "mtx_unlock");
}

void resolve_waits() noexcept {
  // The older version of these names has another layout of pthread_cond_t.
  constexpr const char* kCondVersion = "GLIBC_2.3.2";
  resolve(table.cond_signal, "pthread_cond_signal", kCondVersion);
  resolve(table.cond_broadcast, "pthread_cond_broadcast", kCondVersion);
  resolve(table.cond_wait, "pthread_cond_wait", kCondVersion);
  resolve(table.cond_timedwait, "pthread_cond_timedwait", kCondVersion);
  resolve(table.cond_clockwait, "pthread_cond_clockwait");
  resolve(table.sem_wait, "sem_wait");
  resolve(table.sem_trywait, "sem_trywait");
  resolve(table.sem_timedwait, "sem_timedwait");
  resolve(table.sem_clockwait, "sem_clockwait");
  resolve(table.sem_post, "sem_post");
  resolve(table.sem_destroy, "sem_destroy");
  resolve(table.barrier_wait, "pthread_barrier_wait");
  resolve(table.once, "pthread_once");
  resolve(table.cnd_signal, "cnd_signal");
  resolve(table.cnd_broadcast, "cnd_broadcast");
  resolve(table.cnd_wait, "cnd_wait");
  resolve(table.cnd_timedwait, "cnd_timedwait");
  resolve(table.call_once, "call_once");
}

// Before a signal handler may post a semaphore: looking names up is not safe there.
__attribute__((constructor)) void on_load() noexcept { real_pthread(); }

}  // namespace

void detail::find_real_pthread() noexcept {
  resolve_threads();
  resolve_locks();
  resolve_waits();
  real_pthread_known.store(true, std::memory_order_release);
}

}  // namespace vigil::shim
