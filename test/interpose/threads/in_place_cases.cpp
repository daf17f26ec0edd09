// Locks that the shim takes without glibc's functions, next to those functions: none of them may see a difference, and
// nothing is to be told. Standard library and pthread only.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <new>
#include <thread>
#include <vector>

#include "test/interpose/threads/lock_cases.hpp"

namespace {

void demand(bool is_so) {
  if (!is_so) std::abort();
}

// glibc's own, past every wrapper.
template <class Function>
Function* in_glibc(const char* name) {
  void* const glibc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  demand(glibc != nullptr);
  return reinterpret_cast<Function*>(dlsym(glibc, name));
}
struct Glibc {
  int (*lock)(pthread_mutex_t*) = in_glibc<int(pthread_mutex_t*)>("pthread_mutex_lock");
  int (*unlock)(pthread_mutex_t*) = in_glibc<int(pthread_mutex_t*)>("pthread_mutex_unlock");
  int (*read)(pthread_rwlock_t*) = in_glibc<int(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  int (*unlock_read)(pthread_rwlock_t*) = in_glibc<int(pthread_rwlock_t*)>("pthread_rwlock_unlock");
};

constexpr int kThreads = 30;
constexpr int kRounds = 2'000;

template <class Body>
void on_many_threads(Body body) {
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back(body, thread);
  for (std::thread& thread : threads) thread.join();
}

bool is_free(const pthread_mutex_t& mutex) {
  return mutex.__data.__lock == 0 && mutex.__data.__owner == 0 && mutex.__data.__nusers == 0;
}

void clean_mutex_among_glibcs_own_callers() {
  const Glibc glibc;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  long sum = 0;
  on_many_threads([&](int thread) {
    for (int i = 0; i < kRounds; ++i) {
      const bool past = (thread + i) % 4 == 0;
      demand((past ? glibc.lock : pthread_mutex_lock)(&mutex) == 0);
      demand(mutex.__data.__owner == gettid());
      ++sum;
      demand((past ? glibc.unlock : pthread_mutex_unlock)(&mutex) == 0);
    }
  });
  demand(sum == long{kThreads} * kRounds && is_free(mutex));
  demand(pthread_mutex_destroy(&mutex) == 0);
}

void clean_readers_among_glibcs_own_callers() {
  const Glibc glibc;
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  long first = 0;
  long second = 0;
  on_many_threads([&](int thread) {
    for (int i = 0; i < kRounds; ++i) {
      if ((thread + i) % 10 == 0) {
        demand(pthread_rwlock_wrlock(&lock) == 0);
        ++first;
        ++second;
        demand(pthread_rwlock_unlock(&lock) == 0);
        continue;
      }
      const bool past = (thread + i) % 4 == 0;
      demand((past ? glibc.read : pthread_rwlock_rdlock)(&lock) == 0);
      demand(first == second);
      demand((past ? glibc.unlock_read : pthread_rwlock_unlock)(&lock) == 0);
    }
  });
  demand(first == long{kThreads} * kRounds / 10 && first == second);
  demand(pthread_rwlock_destroy(&lock) == 0);
}

// Waits, timed waits and timed locks among short sections.
void clean_waits_among_short_sections() {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
  int turn = 0;
  const auto until = [] {
    timespec soon{};
    clock_gettime(CLOCK_REALTIME, &soon);
    ++soon.tv_sec;
    return soon;
  };
  on_many_threads([&](int thread) {
    for (int i = 0; i < kRounds / 20; ++i) {
      const timespec soon = until();
      if (i % 3 != 0 || pthread_mutex_timedlock(&mutex, &soon) != 0) demand(pthread_mutex_lock(&mutex) == 0);
      while (turn % kThreads != thread) {
        if (i % 2 == 0) {
          demand(pthread_cond_wait(&changed, &mutex) == 0);
        } else {
          pthread_cond_timedwait(&changed, &mutex, &soon);
        }
        demand(mutex.__data.__owner == gettid());
      }
      ++turn;
      pthread_cond_broadcast(&changed);
      demand(pthread_mutex_unlock(&mutex) == 0);
    }
  });
  demand(turn == kThreads * (kRounds / 20) && is_free(mutex));
  demand(pthread_mutex_destroy(&mutex) == 0 && pthread_cond_destroy(&changed) == 0);
}

// Two threads of this process, so that the shim watches its locks.
template <class Body>
void on_two_threads(Body body) {
  std::thread one(body);
  std::thread two(body);
  one.join();
  two.join();
}

void clean_forked_child_owns_what_it_takes() {
  const pid_t child = fork();
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  const auto use = [&] {
    for (int i = 0; i < kRounds; ++i) {
      pthread_mutex_lock(&mutex);
      demand(mutex.__data.__owner == gettid() && mutex.__data.__nusers == 1);
      pthread_mutex_unlock(&mutex);
    }
  };
  std::thread other(use);
  use();
  other.join();
  use();
  if (child == 0) _exit(is_free(mutex) ? 0 : 1);
  int status = -1;
  demand(waitpid(child, &status, 0) == child && status == 0);
}

void clean_mutex_shared_between_processes() {
  struct Shared {
    pthread_mutex_t mutex;
    long sum;
  };
  void* const at = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  demand(at != MAP_FAILED);
  auto* const shared = new (at) Shared{};
  pthread_mutexattr_t attributes;
  demand(pthread_mutexattr_init(&attributes) == 0);
  demand(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
  demand(pthread_mutex_init(&shared->mutex, &attributes) == 0);
  const pid_t child = fork();
  on_two_threads([&] {
    for (int i = 0; i < kRounds; ++i) {
      demand(pthread_mutex_lock(&shared->mutex) == 0);
      ++shared->sum;
      demand(pthread_mutex_unlock(&shared->mutex) == 0);
    }
  });
  if (child == 0) _exit(0);
  int status = -1;
  demand(waitpid(child, &status, 0) == child && status == 0);
  demand(shared->sum == 4L * kRounds && is_free(shared->mutex));
}

constexpr vigil::test::Case kCases[] = {
    VIGIL_CASE(clean_mutex_among_glibcs_own_callers), VIGIL_CASE(clean_readers_among_glibcs_own_callers),
    VIGIL_CASE(clean_waits_among_short_sections),     VIGIL_CASE(clean_forked_child_owns_what_it_takes),
    VIGIL_CASE(clean_mutex_shared_between_processes),
};

}  // namespace

std::span<const vigil::test::Case> vigil::test::in_place_cases() { return kCases; }
