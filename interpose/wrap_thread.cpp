// Wrappers of the creation and the joining of threads, pthread's and C11's.
//
// A new thread takes, first of all, the Actor that its creator made, so that everything its creator did happens before
// it. Its end is heard by threads.cpp.
//
// What the creator had in its registers is the creator's, and none of the new thread's words: whoever searches memory
// for who can reach what (leaks/proof.hpp) would take the one for the other. A new thread has it in the registers that
// calls preserve, and whichever of its first functions uses such a register saves it. So, whatever the compiler:
//   R1  enter_*() save and clear all of these, and call run_*(); no function behind run_*() finds any.
//   R2  The frames of enter_*() and of libc above it, in which they were saved, are no memory of the program's
//       (ThreadPart::first_frame); what the program's function runs on lies below the frame of run_*().
//   R3  What the creator hands over (ThreadStart), of which run_*() keeps a copy, has no padding: a copy of padding is
//       one of whatever lay there on the creator's stack.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <type_traits>

#include "interpose/export.hpp"
#include "interpose/leaks/thread_closure.hpp"
#include "interpose/leaks/wide_registers.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/real_function.hpp"
#include "interpose/real_pthread.hpp"
#include "interpose/sync_events.hpp"
#include "interpose/thread_edges.hpp"
#include "interpose/thread_room.hpp"
#include "interpose/threads.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<int(pthread_t)> real_cancel("pthread_cancel");

struct ThreadStart {
  void* (*posix)(void*) = nullptr;
  thrd_start_t c11 = nullptr;
  void* argument = nullptr;
  Actor* actor = nullptr;
  std::uint64_t signals = 0;  // blocked by the creator: what the thread is to start with, unless its attributes say
  enum class Signals : std::uint64_t { OfCreator, OfAttributes } whose_signals = Signals::OfCreator;
};
static_assert(std::has_unique_object_representations_v<ThreadStart>);  // R3

// Leaves the functions to run in `start`, which is the thread's own from here.
ThreadStart enter(void* given, ThreadFrames frames) noexcept {
  auto* const start = static_cast<ThreadStart*>(given);
  const ThreadStart mine = *start;
  record([&] {
    begin_thread(*mine.actor, frames);
    own_delete(start);
  });
  if (mine.whose_signals == ThreadStart::Signals::OfCreator) thread_edges::restore_signals(mine.signals);
  leaks::forget_wide_registers();  // its creator's
  return mine;
}

// R1. The frame pointer is no register of its creator's any more, for whoever calls this has a frame.
[[gnu::always_inline]] inline void forget_preserved_registers() noexcept {
  asm volatile(
      "xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n\txor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\txor %%r15d, %%r15d"
      :
      :
      : "rbx", "r12", "r13", "r14", "r15", "cc");
}

// Keeps the frame of who calls it: a call that is the last thing a function does would take the frame's place, and with
// it what was saved there back to where the next function saves it again.
[[gnu::always_inline]] inline void keep_frame() noexcept { asm volatile(""); }

// outer: the frame of enter_*().
[[gnu::noinline]] void* run_posix(void* given, const void* outer) {
  const ThreadStart mine = enter(given, {address_of(__builtin_frame_address(0)), address_of(outer)});
  void* const result = mine.posix(mine.argument);
  keep_frame();
  return result;
}

void* enter_posix(void* given) {
  forget_preserved_registers();
  void* const result = run_posix(given, __builtin_frame_address(0));
  keep_frame();
  return result;
}

[[gnu::noinline]] int run_c11(void* given, const void* outer) {
  const ThreadStart mine = enter(given, {address_of(__builtin_frame_address(0)), address_of(outer)});
  const int result = mine.c11(mine.argument);
  keep_frame();
  return result;
}

int enter_c11(void* given) {
  forget_preserved_registers();
  const int result = run_c11(given, __builtin_frame_address(0));
  keep_frame();
  return result;
}

// C11's threads as pthread's, which they are inside libc: where their stack needs room (thread_room.hpp), for
// thrd_create() takes no attributes; and where ThreadSanitizer's runtime is, which knows pthread's functions only, and
// crashes in a thread that it did not see come.
void* enter_c11_as_posix(void* given) {
  forget_preserved_registers();
  const int result = run_c11(given, __builtin_frame_address(0));
  keep_frame();
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(result));
}
int c11_result(int posix) noexcept { return posix == 0 ? thrd_success : posix == EAGAIN ? thrd_nomem : thrd_error; }
int join_as_posix(thrd_t thread, int* result) {
  void* left = nullptr;
  const int rc = real_pthread().join(thread, &left);
  if (rc == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(left));
  return c11_result(rc);
}

// Whether the thread gets a stack of the system's, with a guard below it.
bool has_own_stack(const pthread_attr_t* attributes) noexcept {
  if (attributes == nullptr) return true;
  std::size_t guard = 0;
  return pthread_attr_getguardsize(attributes, &guard) == 0 && guard != 0 && !is_stack_given(*attributes);
}

// Then a signal that was sent before may still come to the thread's first steps: the creator's mask is not what it
// starts with, and there is no way to tell libc another.
bool has_own_signals(const pthread_attr_t* attributes) noexcept {
  sigset_t own;
  return attributes != nullptr && pthread_attr_getsigmask_np(attributes, &own) == 0;
}

// Runs the real function, which gives `made` to the thread, such that no signal comes before enter() is through.
template <class Create>
int create_quietly(ThreadStart& made, Create&& create) noexcept {
  const std::uint64_t before = thread_edges::block_signals();
  made.signals = before;
  const int rc = create();  // from here on `made` is the thread's
  thread_edges::restore_signals(before);
  return rc;
}

// Null: the shim is not there, or the thread is its own.
ThreadStart* prepare(const ThreadStart& wanted, bool own_stack) noexcept {
  ThreadStart* made = nullptr;
  record([&] {
    this_thread();  // the first thread is known before the second
    become_concurrent();
    made = own_new<ThreadStart>(wanted);
    made->actor = &prepare_thread(own_stack);
    ThreadPart& part = *made->actor->thread;
    part.closure = reinterpret_cast<std::uintptr_t>(wanted.argument);
    part.closure_bytes = wanted.posix == nullptr ? 0 : leaks::closure_bytes(wanted.posix, wanted.argument);
  });
  return made;
}

void undo(ThreadStart* made) noexcept {
  record([&] {
    forget_thread(*made->actor);
    own_delete(made);
  });
}

// Waits for that thread's end.
template <class Join>
int wait_for_end(pthread_t thread, Join&& join) {
  record([&] { locks::begin_join(current_actor(), thread, capture_stack()); });
  BlockedScope blocked(CallKind::Join, thread, true);
  const int rc = join();
  blocked.leave();
  record([] { locks::end_wait(current_actor()); });
  return rc;
}

template <class Join>
int joined(pthread_t thread, Join&& join) {
  bool begun = false;
  if (is_concurrent()) {
    record([&] {
      begin_join(thread);
      begun = true;
    });
  }
  const int rc = join();
  if (begun) record([&] { end_join(thread, rc == 0 ? &current_actor() : nullptr); });
  return rc;
}

}  // namespace

extern "C" VIGIL_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                           void* (*function)(void*), void* argument) noexcept {
  const ThreadRoom room(attributes);
  attributes = room.attributes();
  ThreadStart* const made = prepare({.posix = function, .argument = argument}, has_own_stack(attributes));
  if (made == nullptr) return real_pthread().create(thread, attributes, function, argument);
  if (has_own_signals(attributes)) made->whose_signals = ThreadStart::Signals::OfAttributes;
  const int rc = create_quietly(*made, [&] { return real_pthread().create(thread, attributes, enter_posix, made); });
  if (rc != 0) undo(made);
  return rc;
}

extern "C" VIGIL_EXPORT int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  ThreadStart* const made = prepare({.c11 = function, .argument = argument}, true);
  if (made == nullptr) return real_pthread().thrd_create(thread, function, argument);
  const ThreadRoom room(nullptr);
  const bool as_posix = room.attributes() != nullptr || race::bridge::is_on();
  const int rc = create_quietly(*made, [&] {
    return as_posix ? c11_result(real_pthread().create(thread, room.attributes(), enter_c11_as_posix, made))
                    : real_pthread().thrd_create(thread, enter_c11, made);
  });
  if (rc != thrd_success) undo(made);
  return rc;
}

// Joins are cancellation points: not noexcept.
extern "C" VIGIL_EXPORT int pthread_join(pthread_t thread, void** result) {
  return joined(thread, [&] { return wait_for_end(thread, [&] { return real_pthread().join(thread, result); }); });
}

extern "C" VIGIL_EXPORT int pthread_tryjoin_np(pthread_t thread, void** result) noexcept {
  return joined(thread, [&] { return real_pthread().tryjoin(thread, result); });
}

extern "C" VIGIL_EXPORT int pthread_timedjoin_np(pthread_t thread, void** result, const timespec* until) {
  return joined(thread, [&] { return real_pthread().timedjoin(thread, result, until); });
}

extern "C" VIGIL_EXPORT int pthread_clockjoin_np(pthread_t thread, void** result, clockid_t clock,
                                                 const timespec* until) {
  return joined(thread, [&] { return real_pthread().clockjoin(thread, result, clock, until); });
}

extern "C" VIGIL_EXPORT int thrd_join(thrd_t thread, int* result) {
  const auto join = [&] {
    return race::bridge::is_on() ? join_as_posix(thread, result) : real_pthread().thrd_join(thread, result);
  };
  return joined(thread, [&] { return wait_for_end(thread, join); });
}

// Not noexcept: a thread may cancel itself.
extern "C" VIGIL_EXPORT int pthread_cancel(pthread_t thread) {
  if (is_concurrent()) record([&] { cancel_thread(thread); });
  return real_cancel(thread);
}
