// Threads: the operating system's threads of the program, each an Actor with a ThreadPart.
//
// Invariants
//   T1  A thread is Running from the moment its creator asked for it: nobody mistakes the program for a stuck one
//       while a thread is being born.
//   T2  call.kind is not None only while the thread is inside a wrapped function that waits for another thread, or
//       parked in a primitive of the runtime; call.round grows whenever that begins and whenever it ends.
//   T3  awake_threads() counts the Running program threads whose call.kind is None. Workers are not counted: what
//       they do is the runtime's to tell.
//   T4  An Actor is freed when its thread was joined, or when the system gave its handle to another: then it is gone.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"

namespace vigil::shim {

// What a blocked thread waits for.
enum class CallKind : std::uint8_t {
  None,
  Primitive,
  Join,
  Mutex,
  Cond,
  ReadLock,
  WriteLock,
  Semaphore,
  Barrier,
  Once,
  Word,      // a value in memory, until another thread changes it and says so (futex)
  OpenWord,  // the same, and a process that shares the memory may be the one that does
};

struct BlockedCall {
  std::atomic<CallKind> kind{CallKind::None};
  std::atomic<std::uint32_t> round{0};
  // Below: written by the thread before kind, read by others between two looks that saw the same round.
  std::atomic<std::uintptr_t> object{0};  // the pthread object; for Join the pthread_t
  std::atomic<StackId> stack{kNoStack};
  std::atomic<std::uint32_t> since_ms{0};  // coarse_ms()
  std::atomic<bool> for_ever{false};       // no timeout, and nobody outside this process can end it
  std::atomic<Actor*> task{nullptr};       // on a worker: the task that it runs and that is blocked with it
};

enum class ThreadState : std::uint8_t { Running, Ended };

struct ThreadPart {
  std::atomic<int> tid{0};                // 0: not begun yet
  std::atomic<std::uintptr_t> handle{0};  // pthread_t; 0: not begun yet
  std::atomic<ThreadState> state{ThreadState::Running};
  std::atomic<bool> is_worker{false};  // the runtime's own
  // Above the frames of all that the program runs on it; 0: not begun, or not known. From there on lie the shim's first
  // frames, and from first_frame on the last of those, and libc's: in them is what its creator had in registers.
  std::atomic<std::uintptr_t> stack_high{0};
  std::atomic<std::uintptr_t> first_frame{0};
  bool has_own_stack = false;  // the mapping below is its stack, and nothing else; set before it begins
  // The block in the heap that it alone has, with what it runs (leaks/thread_closure.hpp); 0: none that is known. As
  // above.
  std::uintptr_t closure = 0;
  std::size_t closure_bytes = 0;
  unsigned confinement = 0;  // confinement::here() of its creator; as above
  BlockedCall call;
  order::Point final;  // what it knew when it ended; acquired by join
};

// The thread that calls, as an actor of its own whatever task it runs.
Actor& this_thread() noexcept;
// A new thread is being created by the actor that runs here: its Actor, with what its creator knows. has_own_stack: the
// system gives it its stack.
Actor& prepare_thread(bool has_own_stack) noexcept;
// The creation failed.
void forget_thread(Actor& thread) noexcept;
// libc will start a thread by itself (a timer's, a message queue's), of whose creation nobody hears: threads first seen
// from now on come after what this one did.
void unseen_threads_follow() noexcept;
// Of a new thread: the frame of who calls the program's function, and of who calls that one, which libc called.
struct ThreadFrames {
  std::uintptr_t stack_high = 0;
  std::uintptr_t first_frame = 0;
};
// On the new thread itself, before anything else.
void begin_thread(Actor& thread, ThreadFrames frames) noexcept;
// On the thread, when it ends. Twice is once.
void end_thread(Actor& thread) noexcept;
// This thread is one of the runtime's own.
void become_worker() noexcept;
// While one of the runtime's own makes a task's call, it is a thread of the program like any other.
void begin_service() noexcept;
void end_service() noexcept;
// Whether the runtime tells of that; else nothing is known of a task in such a call.
bool services_are_told() noexcept;
// A join of that thread begins, and has ended. joiner: knows what the thread did, whose record goes; null: it failed.
// As soon as the thread is joined the system may give its handle to another, so both are needed.
void begin_join(pthread_t handle) noexcept;
void end_join(pthread_t handle, Actor* joiner) noexcept;
// The actor that runs here is about to cancel that thread: its cleanup handlers and its end come after this.
void cancel_thread(pthread_t handle) noexcept;
// Whether what happened at that moment is in the past of the handlers that run if that thread is cancelled. False if it
// is not.
bool may_be_ordered_by_cancel(const Actor& thread, race::Epoch older) noexcept;
// Visits every thread that began, until visit returns false. visit must not block: no thread can begin meanwhile.
void for_each_thread(bool (*visit)(Actor& thread, void* context), void* context) noexcept;

// Whether more than one actor may exist: false while the program is one thread without tasks.
bool is_concurrent() noexcept;
// A second thread or a first task is about to be, or a thread is about to block in a primitive: opens the record and
// starts the watch. Cheap when it was called before. It may create a thread: not from inside a wrapper that malloc may
// use.
void become_concurrent() noexcept;

int awake_threads() noexcept;
// Threads ever created by the program, main aside.
std::uint64_t created_threads() noexcept;

// Marks this thread as blocked for the time of its life; on a worker, the task that it runs. Not inside the re-entry
// guard: it lives across the real call.
class BlockedScope {
 public:
  [[gnu::always_inline]] BlockedScope(CallKind kind, std::uintptr_t object, bool for_ever) noexcept {
    save_registers();
    begin(kind, object, for_ever);
  }
  ~BlockedScope() { leave(); }
  BlockedScope(const BlockedScope&) = delete;
  BlockedScope& operator=(const BlockedScope&) = delete;
  void leave() noexcept;

 private:
  void begin(CallKind kind, std::uintptr_t object, bool for_ever) noexcept;
  // Those that a call preserves may hold the only copy of something of the caller's: whoever searches memory for it
  // (leaks/proof.hpp) finds it in this object, or pushed by the wrapper, whose frame this is.
  [[gnu::always_inline]] void save_registers() noexcept {
    asm volatile(
        "mov %%rbx, 0(%0)\n\tmov %%rbp, 8(%0)\n\tmov %%r12, 16(%0)\n\tmov %%r13, 24(%0)\n\t"
        "mov %%r14, 32(%0)\n\tmov %%r15, 40(%0)"
        :
        : "r"(registers_)
        : "memory");
  }

  Actor* thread_ = nullptr;  // null: nothing to undo
  std::uint64_t registers_[6] = {};
};
// The same for a primitive of the runtime, whose begin and end are two probes.
void enter_blocked(Actor& thread, CallKind kind, std::uintptr_t object, bool for_ever) noexcept;
void leave_blocked(Actor& thread) noexcept;

// The operating system's id of this thread, asked once.
int this_tid() noexcept;
// In the child of a fork: the only thread left is the caller.
void threads_forked() noexcept;
// What the system called this process's first thread before the fork that made it; 0: it was not forked.
int tid_before_fork() noexcept;
// The thread with that handle, if it is known and has not ended; else ActorKey{}.
ActorKey key_of_thread(pthread_t handle) noexcept;

}  // namespace vigil::shim
