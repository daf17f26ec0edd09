#include "runtime/src/thread_record.hpp"

#include <new>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/src/clock.hpp"
#include "runtime/src/fatal.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

// initial-exec: libvigil.so is loaded with the program, and this is read in every operation.
constinit thread_local ThreadRecord* self __attribute__((tls_model("initial-exec"))) = nullptr;

constinit std::atomic<ThreadRecord*> records{nullptr};
constinit SpinLock plain_lock;
constinit PlainThread* free_records = nullptr;  // guarded by plain_lock

pthread_key_t end_key() noexcept {
  // Only its destructor matters: it runs when a thread ends, after the program's own thread_local objects, and not for
  // main at exit, whose record must stay for static destructors.
  static const pthread_key_t key = [] {
    pthread_key_t made = 0;
    const int failed = pthread_key_create(&made, [](void* ended) {
      auto* const thread = static_cast<PlainThread*>(ended);
      scheduler().set_exchanging(*thread, false);
      vigil_probe_thread_end(&thread->probe);
      if (is_choosing()) turns().leave(*thread);
      self = nullptr;
      const SpinGuard held(plain_lock);
      thread->in_use.store(false, std::memory_order_release);
      thread->next_free = free_records;
      free_records = thread;
    });
    if (failed != 0) fatal("no thread-specific key left for the runtime");
    return made;
  }();
  return key;
}

PlainThread& take_record() noexcept {
  PlainThread* thread = nullptr;
  {
    const SpinGuard held(plain_lock);
    thread = free_records;
    if (thread != nullptr) free_records = thread->next_free;
  }
  if (thread != nullptr) {
    thread->probe = {};
    thread->wait = {};
    thread->turn.number = 0;
    return *thread;
  }
  thread = new (std::nothrow) PlainThread;
  if (thread == nullptr) fatal("no memory for a thread that uses a primitive");
  publish_record(*thread);
  return *thread;
}

}  // namespace

std::atomic<ThreadRecord*>& first_record() noexcept { return records; }

ThreadRecord* this_thread_or_null() noexcept { return self; }

// Apart, so that the way of every operation has no frame to build for it.
[[gnu::noinline, gnu::cold]] static ThreadRecord& first_use_here() noexcept {
  PlainThread& thread = take_record();
  thread.flags = VIGIL_ACTOR_IS_THREAD;
  thread.move_to(TaskState::Running);
  thread.actor = &thread;
  if (thread.random_state == 0) thread.random_state = now_ns() ^ reinterpret_cast<std::uintptr_t>(&thread);
  self = &thread;
  pthread_setspecific(end_key(), &thread);
  vigil_probe_thread_start(&thread.probe);
  thread.in_use.store(true, std::memory_order_release);
  return thread;
}

ThreadRecord& this_thread() noexcept {
  if (ThreadRecord* const known = self; known != nullptr) [[likely]]
    return *known;
  return first_use_here();
}

void become_worker_thread(ThreadRecord& record) noexcept { self = &record; }

}  // namespace vigil::detail
