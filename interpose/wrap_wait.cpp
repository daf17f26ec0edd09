// Wrappers of condition variables, semaphores, barriers and once, pthread's and C11's.
//
// Most are cancellation points and so not noexcept. A wait that is cancelled never says that it is over: the thread's
// next wait, or its end, clears it. That a cancelled wait on a condition has its mutex again is said at once.
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

#include <cerrno>
#include <utility>

#include "interpose/export.hpp"
#include "interpose/locks/pthread_events.hpp"
#include "interpose/locks/shared_order.hpp"
#include "interpose/once.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

// Another process may end the wait.
bool is_shared(const pthread_cond_t* cond) noexcept {
  constexpr unsigned kSharedBit = 1;  // glibc: the lowest bit of __wrefs
  return (cond->__data.__wrefs & kSharedBit) != 0;
}
bool is_shared(const sem_t* semaphore) noexcept {
  // glibc's struct new_sem: 8 bytes of value, then an int that is 0 when the semaphore is private.
  return *reinterpret_cast<const int*>(reinterpret_cast<const char*>(semaphore) + 8) != 0;
}
bool is_shared(const pthread_barrier_t* barrier) noexcept {
  // glibc's struct pthread_barrier: in, current_round, count, shared, out.
  return reinterpret_cast<const int*>(barrier)[3] != 0;
}

void took_again(const pthread_mutex_t* mutex) noexcept {
  locks::mutex_taken(mutex, locks::Attempt::Blocking);
  locks::took_shared(mutex);
}

// Runs a wait that has its mutex again also when it is cancelled: then the program's handlers, and whatever else a
// cancellation unwinds, run with it. By setjmp(), as in C: the shim's functions have nothing else that is unwound.
template <class Wait>
int keeping_mutex(const pthread_mutex_t* mutex, Wait&& wait) {
  int rc = 0;
  const auto cancelled = [](void* it) { took_again(static_cast<const pthread_mutex_t*>(it)); };
  pthread_cleanup_push(cancelled, const_cast<pthread_mutex_t*>(mutex));
  rc = wait();
  pthread_cleanup_pop(0);
  return rc;
}

// A wait on a condition gives its mutex back and takes it again, inside libc. Which notification ended it is not known,
// so each counts.
template <class Wait>
int wait_on_condition(const pthread_cond_t* cond, const pthread_mutex_t* mutex, bool for_ever, Wait&& wait) {
  if (!sync_events::watching()) return wait();
  locks::mutex_given_back(mutex);
  locks::gives_shared_back(mutex);
  int rc = 0;
  if (for_ever) {
    BlockedScope blocked(CallKind::Cond, address_of(cond), !is_shared(cond));
    rc = keeping_mutex(mutex, wait);
  } else {
    rc = keeping_mutex(mutex, wait);
  }
  if (rc == 0) sync_events::woken(cond);
  // Not owned: a mutex that checks its owner was not given back.
  if (rc != EPERM) took_again(mutex);
  return rc;
}

template <class Notify>
int notify(const pthread_cond_t* cond, Notify&& call) noexcept {
  if (sync_events::watching()) sync_events::notified(cond);
  return call();
}

template <class Wait>
int wait_on_semaphore(const sem_t* semaphore, Wait&& wait) {
  const int rc = wait();
  if (rc == 0 && sync_events::watching()) {
    sync_events::acquired(semaphore);
    sync_events::acquired_shared(semaphore);
  }
  return rc;
}

// The initialiser this thread is about to run; read and cleared by run_pending() before it can change again.
struct PendingOnce {
  void* control = nullptr;
  void (*function)() = nullptr;
  BlockedScope* blocked = nullptr;  // null: it has not been said that this thread waits
};
thread_local constinit PendingOnce pending __attribute__((tls_model("initial-exec")));

// The release must come before any other caller returns, so from within. Who begins it again after it has thrown goes
// on after who tried before (once.hpp).
void run_pending() {
  const PendingOnce mine = std::exchange(pending, {});
  if (mine.blocked != nullptr) mine.blocked->leave();
  sync_events::acquired(mine.control);
  const once::Running outer = once::begins(mine.control, __builtin_frame_address(0));
  mine.function();
  once::ends(outer);
  sync_events::released(mine.control);
}

// glibc's control word: the lowest bit says that an initialiser runs, the next that it has ended.
bool is_being_done(const void* control) noexcept {
  constexpr int kStates = 3;
  constexpr int kRuns = 1;
  return (__atomic_load_n(static_cast<const int*>(control), __ATOMIC_RELAXED) & kStates) == kRuns;
}

// Only who finds another's initialiser at work waits, or his own: then for ever. Should it throw, the waiter's runs.
template <class Call>
void do_once(void* control, void (*function)(), Call&& call) {
  if (is_being_done(control)) {
    BlockedScope blocked(CallKind::Once, address_of(control), true);
    pending = {.control = control, .function = function, .blocked = &blocked};
    call();
  } else {
    pending = {.control = control, .function = function};
    call();
  }
  sync_events::acquired(control);
}

}  // namespace

extern "C" VIGIL_EXPORT int pthread_cond_signal(pthread_cond_t* cond) noexcept {
  return notify(cond, [&] { return real_pthread().cond_signal(cond); });
}

extern "C" VIGIL_EXPORT int pthread_cond_broadcast(pthread_cond_t* cond) noexcept {
  return notify(cond, [&] { return real_pthread().cond_broadcast(cond); });
}

extern "C" VIGIL_EXPORT int cnd_signal(cnd_t* cond) {
  return notify(reinterpret_cast<pthread_cond_t*>(cond), [&] { return real_pthread().cnd_signal(cond); });
}

extern "C" VIGIL_EXPORT int cnd_broadcast(cnd_t* cond) {
  return notify(reinterpret_cast<pthread_cond_t*>(cond), [&] { return real_pthread().cnd_broadcast(cond); });
}

extern "C" VIGIL_EXPORT int pthread_cond_wait(pthread_cond_t* cond, pthread_mutex_t* mutex) {
  return wait_on_condition(cond, mutex, true, [&] { return real_pthread().cond_wait(cond, mutex); });
}

extern "C" VIGIL_EXPORT int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex,
                                                   const timespec* until) {
  return wait_on_condition(cond, mutex, false, [&] { return real_pthread().cond_timedwait(cond, mutex, until); });
}

extern "C" VIGIL_EXPORT int pthread_cond_clockwait(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock,
                                                   const timespec* until) {
  return wait_on_condition(cond, mutex, false,
                           [&] { return real_pthread().cond_clockwait(cond, mutex, clock, until); });
}

extern "C" VIGIL_EXPORT int cnd_wait(cnd_t* cond, mtx_t* mutex) {
  return wait_on_condition(reinterpret_cast<pthread_cond_t*>(cond), reinterpret_cast<pthread_mutex_t*>(mutex), true,
                           [&] { return real_pthread().cnd_wait(cond, mutex); });
}

extern "C" VIGIL_EXPORT int cnd_timedwait(cnd_t* cond, mtx_t* mutex, const timespec* until) {
  return wait_on_condition(reinterpret_cast<pthread_cond_t*>(cond), reinterpret_cast<pthread_mutex_t*>(mutex), false,
                           [&] { return real_pthread().cnd_timedwait(cond, mutex, until); });
}

extern "C" VIGIL_EXPORT int sem_wait(sem_t* semaphore) {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.sem_wait(semaphore);
  return wait_on_semaphore(semaphore, [&] {
    const int saved_errno = errno;
    if (real.sem_trywait(semaphore) == 0) return 0;
    errno = saved_errno;
    BlockedScope blocked(CallKind::Semaphore, address_of(semaphore), !is_shared(semaphore));
    return real.sem_wait(semaphore);
  });
}

extern "C" VIGIL_EXPORT int sem_trywait(sem_t* semaphore) noexcept {
  return wait_on_semaphore(semaphore, [&] { return real_pthread().sem_trywait(semaphore); });
}

extern "C" VIGIL_EXPORT int sem_timedwait(sem_t* semaphore, const timespec* until) {
  return wait_on_semaphore(semaphore, [&] { return real_pthread().sem_timedwait(semaphore, until); });
}

extern "C" VIGIL_EXPORT int sem_clockwait(sem_t* semaphore, clockid_t clock, const timespec* until) {
  return wait_on_semaphore(semaphore, [&] { return real_pthread().sem_clockwait(semaphore, clock, until); });
}

extern "C" VIGIL_EXPORT int sem_post(sem_t* semaphore) noexcept {
  if (sync_events::watching()) {
    sync_events::released(semaphore);
    sync_events::released_shared(semaphore);
  }
  return real_pthread().sem_post(semaphore);
}

extern "C" VIGIL_EXPORT int sem_destroy(sem_t* semaphore) noexcept {
  if (sync_events::watching()) sync_events::destroyed(semaphore);
  return real_pthread().sem_destroy(semaphore);
}

extern "C" VIGIL_EXPORT int pthread_barrier_wait(pthread_barrier_t* barrier) noexcept {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.barrier_wait(barrier);
  sync_events::released(barrier);
  sync_events::released_shared(barrier);
  int rc = 0;
  {
    BlockedScope blocked(CallKind::Barrier, address_of(barrier), !is_shared(barrier));
    rc = real.barrier_wait(barrier);
  }
  if (rc == 0 || rc == PTHREAD_BARRIER_SERIAL_THREAD) {
    sync_events::acquired(barrier);
    sync_events::acquired_shared(barrier);
  }
  return rc;
}

extern "C" VIGIL_EXPORT int pthread_once(pthread_once_t* control, void (*function)()) {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.once(control, function);
  do_once(control, function, [&] { real.once(control, run_pending); });
  return 0;  // it knows no failure
}

extern "C" VIGIL_EXPORT void call_once(once_flag* flag, void (*function)()) {
  const RealPthread& real = real_pthread();
  if (!sync_events::watching()) return real.call_once(flag, function);
  do_once(flag, function, [&] { real.call_once(flag, run_pending); });
}
