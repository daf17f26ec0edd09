/* The probe ABI: what libvigil.so tells whoever watches it, as C functions and plain data.
 *
 * libvigil.so defines every vigil_probe_* function weak and empty, in a file of its own, and calls them through
 * the dynamic linker. A preloaded library that defines the same names receives the calls; without one they do nothing.
 * The runtime never asks whether it is watched and never reads what a probe wrote, so a probe returns nothing.
 *
 * Rules for whoever implements them:
 *   - A probe is called at the point where its operation takes effect. Channel, mutex and wait-group probes run
 *     under that primitive's own lock, so for one primitive they arrive in the order in which they took effect.
 *     They must not call back into the runtime (but for the functions of vigil_probe_runtime where those say so).
 *   - `actor` is who acts, which is not always the calling thread: a receiver that takes a parked sender's
 *     item reports the sender's send for it. While an actor is parked nobody else touches its record.
 *   - Addresses (`channel`, `mutex`, `group`) identify the object until its destroy probe, then they may return.
 *
 * vigil_probe_runtime carries the version: a watcher that does not know it stays away. See docs/probe_abi.md. */
#ifndef VIGIL_PROBE_H
#define VIGIL_PROBE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VIGIL_PROBE_NOEXCEPT noexcept
extern "C" {
#else
#include <stdbool.h>
#define VIGIL_PROBE_NOEXCEPT
#endif

#define VIGIL_PROBE_VERSION 1u

/* Who acts: a task, or a plain thread that uses the runtime. Owned by the runtime, at one address for its life. A
 * task's lies on the task's own stack, above all that the task and what it was started with use of it. */
typedef struct vigil_probe_actor {
  uint64_t id; /* tasks: 1, 2, 3 ... in order of creation, never reused; plain threads: 0 */
  void* watch; /* the watcher's own word: null at birth, never read by the runtime */
} vigil_probe_actor;

/* What a parked actor waits for. Values are part of the ABI. */
enum {
  VIGIL_WAIT_NONE = 0,
  VIGIL_WAIT_SEND = 1,         /* cases[0] */
  VIGIL_WAIT_RECEIVE = 2,      /* cases[0] */
  VIGIL_WAIT_SELECT = 3,       /* cases[0 .. case_count) */
  VIGIL_WAIT_NIL_SEND = 4,     /* send on a nil channel: for ever */
  VIGIL_WAIT_NIL_RECEIVE = 5,  /* receive from a nil channel: for ever */
  VIGIL_WAIT_EMPTY_SELECT = 6, /* a select in which every case is nil, or without cases: for ever */
  VIGIL_WAIT_MUTEX = 7,        /* object */
  VIGIL_WAIT_WAIT_GROUP = 8,   /* object */
  VIGIL_WAIT_SLEEP = 9,        /* only the deadline ends it */
  VIGIL_WAIT_RW_READ = 10,     /* object */
  VIGIL_WAIT_RW_WRITE = 11,    /* object */
  VIGIL_WAIT_COND = 12,        /* object */
  VIGIL_WAIT_ONCE = 13,        /* object */
  VIGIL_WAIT_SEMAPHORE = 14,   /* object */
  VIGIL_WAIT_BLOCKING = 15     /* a task inside vigil::blocking(): the operating system ends it */
};

/* One case of a wait on channels. */
typedef struct vigil_probe_case {
  const void* channel; /* null: a nil channel, never ready */
  uint32_t is_send;    /* 1: waits to send; 0: waits to receive */
  uint32_t reserved;
} vigil_probe_case;

/* Valid while its actor is parked. A wait of another kind than those on channels may have one case besides its object:
 * a context's done channel, whose closing ends it too. */
typedef struct vigil_probe_wait {
  uint32_t kind; /* VIGIL_WAIT_... */
  uint32_t case_count;
  const vigil_probe_case* cases; /* lies on the waiting actor's stack */
  const void* object;
  uint64_t deadline_ns; /* steady clock; 0: none */
} vigil_probe_wait;

enum { VIGIL_TASK_RUNNABLE = 1, VIGIL_TASK_RUNNING = 2, VIGIL_TASK_PARKED = 3 };

enum {
  VIGIL_ACTOR_IS_THREAD = 1u << 0,
  VIGIL_ACTOR_IS_DAEMON = 1u << 1 /* vigil::daemon(): meant to live as long as the program */
};

/* Saved registers of a parked task, enough to unwind it: the state in which it returns from its last switch. */
typedef struct vigil_probe_registers {
  uint64_t rip, rsp, rbp, rbx, r12, r13, r14, r15;
} vigil_probe_registers;

/* One live actor, as each_actor shows it. Pointers are valid until the visit returns. */
typedef struct vigil_probe_actor_view {
  vigil_probe_actor* actor;
  uint32_t state;               /* VIGIL_TASK_...; a plain thread is PARKED while a primitive holds it, else RUNNING */
  uint32_t flags;               /* VIGIL_ACTOR_... */
  const vigil_probe_wait* wait; /* non-null when PARKED */
  const vigil_probe_registers* saved; /* non-null for a PARKED task */
  uintptr_t stack_low, stack_high;    /* a task's stack, guard excluded; 0 for a thread */
} vigil_probe_actor_view;

typedef struct vigil_probe_counts {
  uint64_t started, finished; /* tasks */
  uint64_t alive, peak_alive; /* tasks; the peak may be a little low when read while tasks start and end */
  uint64_t moving;            /* tasks runnable or running */
  uint64_t timers;            /* deadlines pending: sleepers, timed selects, timers */
} vigil_probe_counts;

typedef struct vigil_probe_channel_view {
  uint64_t handles; /* that refer to it, wherever they lie */
  size_t bytes;     /* of its record, which begins at its address; items in its buffer lie behind */
} vigil_probe_channel_view;

/* How tasks are scheduled. */
enum {
  VIGIL_SCHEDULE_NORMAL = 0, /* in parallel, as fast as can be */
  VIGIL_SCHEDULE_RANDOM = 1  /* one actor at a time; who goes on is drawn from a seed at every primitive */
};

/* How a watcher looks into the runtime. Filled once, valid for ever; callable from any thread that holds no primitive.
 */
typedef struct vigil_probe_runtime {
  uint32_t version; /* VIGIL_PROBE_VERSION */
  uint32_t size;    /* bytes of this struct */
  /* Stops every worker from switching tasks. True: from now to resume() no parked task's stack or wait record changes,
   * though a task that was running when this was called may run on. False: not reached within timeout_ns, nothing is
   * stopped. */
  int (*pause)(uint64_t timeout_ns);
  void (*resume)(void);
  /* Calls visit for every task alive and every plain thread that has used a primitive and lives, until visit returns 0.
   * Wait records, registers and stacks may only be read between pause() and resume(). Allocates nothing. */
  void (*each_actor)(int (*visit)(const vigil_probe_actor_view* view, void* context), void* context);
  /* Waits until no task is runnable or running, at most timeout_ns. Returns whether that came true. */
  int (*settle)(uint64_t timeout_ns);
  void (*counts)(vigil_probe_counts* out);

  /* What follows was added at the end: there when size reaches so far. */

  /* From here the schedule is of that kind. 1: it is; 0: it cannot be changed any more (NORMAL after RANDOM, RANDOM
   * after the first task; but another seed while no task is alive can). May be called from vigil_probe_attach.
   * may_switch: null, or asked on the actor's own thread before another one goes on in its place where it did not have
   * to wait: 0 forbids it, because the actor holds a lock on which others would block the only worker. */
  int (*set_schedule)(uint32_t kind, uint64_t seed, int (*may_switch)(vigil_probe_actor* actor));
  /* RANDOM: the plain thread that calls is about to wait for something the runtime does not know, so others go on.
   * Without this they do when it has slept for 10 ms. It takes part again from its next primitive on. */
  void (*step_aside)(void);
  /* How many handles a channel has, the one of a timer that feeds it among them. Takes no lock. The caller makes sure
   * that it exists. */
  uint32_t (*channel_handles)(const void* channel);
  /* Calls visit for each range of memory in which what looks like a handle need not be one, until it returns 0: tasks'
   * stacks, in use or not, the workers' own, and the runtime's notes of whom it switched last and what plain threads
   * wait for. Nothing else lies there. */
  void (*each_own_range)(int (*visit)(uintptr_t low, uintptr_t high, void* context), void* context);
  /* Of a channel that is there for certain, because an actor waits on it between pause() and resume(). */
  void (*look_at_channel)(const void* channel, vigil_probe_channel_view* out);
  /* From now on so many bytes right below each task's vigil_probe_actor are the watcher's, from the task's create probe
   * to the return of its end probe; their alignment is the record's, 64 bytes where bytes is a multiple of that. What
   * was there before is whatever it was. 1: they are. 0: too many, or there were tasks already. May be called from
   * vigil_probe_attach. */
  int (*reserve_room)(size_t bytes);
  /* Where in each channel's record a word lies that is the watcher's, in bytes from the channel's address. Null when
   * the make probe comes; the runtime never looks at it. */
  size_t channel_word;
} vigil_probe_runtime;

/* ---- life ---------------------------------------------------------------------------------------------------- */

/* Once, before the first other probe. */
void vigil_probe_attach(const vigil_probe_runtime* runtime) VIGIL_PROBE_NOEXCEPT;
/* On a thread of the runtime's own (a worker, the timer thread), before it does anything else. */
void vigil_probe_worker_start(void) VIGIL_PROBE_NOEXCEPT;
/* On a plain thread, when it first uses a primitive that may block; and when it ends. */
void vigil_probe_thread_start(vigil_probe_actor* thread) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_thread_end(vigil_probe_actor* thread) VIGIL_PROBE_NOEXCEPT;
/* A plain thread is about to block in a primitive (its wait record is filled), and runs again. */
void vigil_probe_thread_park(vigil_probe_actor* thread) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_thread_wake(vigil_probe_actor* thread) VIGIL_PROBE_NOEXCEPT;
/* The last busy worker found nothing to run. */
void vigil_probe_idle(void) VIGIL_PROBE_NOEXCEPT;

/* parent is null when the go() came from a thread that no primitive has seen yet. flags: VIGIL_ACTOR_... */
void vigil_probe_task_create(vigil_probe_actor* parent, vigil_probe_actor* task, uint32_t flags) VIGIL_PROBE_NOEXCEPT;
/* From here this thread runs `task`; null: it runs the worker's own loop again. Called on every switch, also into a
 * task's first run. The actor that ran before on this thread no longer does. */
void vigil_probe_task_switch(vigil_probe_actor* task) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_task_end(vigil_probe_actor* task) VIGIL_PROBE_NOEXCEPT;
/* An exception is leaving the task's function; the program ends after this. what: its text, or null. type: mangled
 * name, or null. */
void vigil_probe_task_exception(vigil_probe_actor* task, const char* what, const char* type) VIGIL_PROBE_NOEXCEPT;

/* ---- channels ------------------------------------------------------------------------------------------------ */

void vigil_probe_channel_make(const void* channel, size_t capacity) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_channel_destroy(const void* channel, size_t items_left) VIGIL_PROBE_NOEXCEPT;
/* An item went into, or out of, buffer slot `slot` (0 .. capacity). */
void vigil_probe_channel_send(vigil_probe_actor* actor, const void* channel, size_t slot) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_channel_receive(vigil_probe_actor* actor, const void* channel, size_t slot) VIGIL_PROBE_NOEXCEPT;
/* A sender and a receiver met: capacity 0, slot 0. Orders both ways. */
void vigil_probe_channel_meet(vigil_probe_actor* sender, vigil_probe_actor* receiver,
                              const void* channel) VIGIL_PROBE_NOEXCEPT;
/* On a buffered, empty channel the sender gave its item straight to a parked receiver: as a send into `slot` and a
 * receive out of it. */
void vigil_probe_channel_pass(vigil_probe_actor* sender, vigil_probe_actor* receiver, const void* channel,
                              size_t slot) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_channel_close(vigil_probe_actor* actor, const void* channel) VIGIL_PROBE_NOEXCEPT;
/* A receive that returned because the channel is closed and empty. */
void vigil_probe_channel_receive_closed(vigil_probe_actor* actor, const void* channel) VIGIL_PROBE_NOEXCEPT;
/* A misuse, just before its Panic is thrown. channel is null for CLOSE_OF_NIL. */
enum { VIGIL_MISUSE_SEND_ON_CLOSED = 1, VIGIL_MISUSE_CLOSE_OF_CLOSED = 2, VIGIL_MISUSE_CLOSE_OF_NIL = 3 };
void vigil_probe_channel_misuse(vigil_probe_actor* actor, const void* channel, uint32_t misuse) VIGIL_PROBE_NOEXCEPT;
/* A select took its default. */
void vigil_probe_select_default(vigil_probe_actor* actor) VIGIL_PROBE_NOEXCEPT;

/* ---- locks and wait groups ----------------------------------------------------------------------------------- */

enum {
  VIGIL_LOCK_EXCLUSIVE = 0,
  VIGIL_LOCK_SHARED = 1,
  VIGIL_LOCK_TRIED = 2,    /* bit: by try_lock, cannot block */
  VIGIL_LOCK_TWO_SIDED = 4 /* bit, of an exclusive wait or taking: the lock has a shared side, too */
};
/* About to park for it. Not called for a lock that is free. */
void vigil_probe_lock_wait(vigil_probe_actor* actor, const void* lock, uint32_t mode) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_lock_taken(vigil_probe_actor* actor, const void* lock, uint32_t mode) VIGIL_PROBE_NOEXCEPT;
/* Before the release takes effect. */
void vigil_probe_lock_release(vigil_probe_actor* actor, const void* lock, uint32_t mode) VIGIL_PROBE_NOEXCEPT;
/* unlock() of a lock that is not locked, just before its Panic. */
void vigil_probe_lock_misuse(vigil_probe_actor* actor, const void* lock, uint32_t mode) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_lock_destroy(const void* lock, int is_locked) VIGIL_PROBE_NOEXCEPT;

/* delta < 0 releases; counter is the value after. */
void vigil_probe_wait_group_add(vigil_probe_actor* actor, const void* group, int64_t delta,
                                int64_t counter) VIGIL_PROBE_NOEXCEPT;
/* A wait() returns: acquires. */
void vigil_probe_wait_group_wait(vigil_probe_actor* actor, const void* group) VIGIL_PROBE_NOEXCEPT;
/* The counter would go below zero, just before the Panic. */
void vigil_probe_wait_group_negative(vigil_probe_actor* actor, const void* group, int64_t delta) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_wait_group_destroy(const void* group) VIGIL_PROBE_NOEXCEPT;

/* ---- any other edge, and watched variables ------------------------------------------------------------------- */

/* release: what actor did so far happens before whatever follows an acquire of the same object (merged, not replaced).
 */
void vigil_probe_release(vigil_probe_actor* actor, const void* object) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_acquire(vigil_probe_actor* actor, const void* object) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_sync_destroy(const void* object) VIGIL_PROBE_NOEXCEPT;

/* Traced<T>: who acts is whoever this thread runs. make forgets what was known of the bytes. */
void vigil_probe_variable_make(const void* address, size_t size) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_variable_read(const void* address, size_t size) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_variable_write(const void* address, size_t size) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_variable_destroy(const void* address, size_t size) VIGIL_PROBE_NOEXCEPT;

/* ---- timers and contexts ------------------------------------------------------------------------------------- */

/* What a timer does when its time is over: send once on `channel`; send again and again; start a task. */
enum { VIGIL_TIMER_ONCE = 1, VIGIL_TIMER_TICKER = 2, VIGIL_TIMER_CALL = 3 };
/* channel is null for CALL. */
void vigil_probe_timer_make(vigil_probe_actor* actor, const void* timer, uint32_t kind,
                            const void* channel) VIGIL_PROBE_NOEXCEPT;
/* It is set, anew when it was set already. period_ns: 0 fires once. Its order comes as release() of the timer here and
 * acquire() when it fires. */
void vigil_probe_timer_start(vigil_probe_actor* actor, const void* timer, uint64_t deadline_ns,
                             uint64_t period_ns) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_timer_stop(vigil_probe_actor* actor, const void* timer, int was_set) VIGIL_PROBE_NOEXCEPT;
/* Before it sends, or creates its task. clock: a worker that fires timers, an actor (id 0) that thread_start announced
 * and each_actor does not show; it is the parent of the task, and the closer of a channel whose context's deadline is
 * over. */
void vigil_probe_timer_fire(vigil_probe_actor* clock, const void* timer) VIGIL_PROBE_NOEXCEPT;
/* Nobody has a handle, and it will not fire. */
void vigil_probe_timer_destroy(const void* timer) VIGIL_PROBE_NOEXCEPT;

enum {
  VIGIL_CONTEXT_CANCELLABLE = 1u << 0, /* has a cancel function of its own */
  VIGIL_CONTEXT_DEADLINE = 1u << 1,    /* ends by itself */
  VIGIL_CONTEXT_DETACHED = 1u << 2     /* is not cancelled with its parent */
};
enum { VIGIL_CONTEXT_CANCELED = 1, VIGIL_CONTEXT_DEADLINE_EXCEEDED = 2 }; /* ContextError */
/* done: the channel that closes when it is done; its nearest cancellable ancestor's when it is not cancellable; or
 * null. parent: null for the background. A parent outlives its children. */
void vigil_probe_context_make(vigil_probe_actor* actor, const void* context, const void* parent, const void* done,
                              uint32_t flags) VIGIL_PROBE_NOEXCEPT;
/* It is done, by its cancel function, its deadline or its parent; its channel is closed next. */
void vigil_probe_context_done(vigil_probe_actor* actor, const void* context, uint32_t reason) VIGIL_PROBE_NOEXCEPT;
/* The last handle went: the context's copies, its cancel functions, and its children. */
void vigil_probe_context_destroy(const void* context) VIGIL_PROBE_NOEXCEPT;
/* First thing in a task that go(ctx, ...) has started: it belongs to the context. The task keeps the context alive. */
void vigil_probe_task_context(vigil_probe_actor* task, const void* context) VIGIL_PROBE_NOEXCEPT;

/* ---- waiting, and not waiting -------------------------------------------------------------------------------- */

/* The calling actor is about to park: still on its own stack, its wait record filled, under the lock of what it waits
 * for. */
void vigil_probe_park(vigil_probe_actor* actor, const vigil_probe_wait* wait) VIGIL_PROBE_NOEXCEPT;
/* After select_default: the cases none of which was ready. Also a try_send or try_receive that did nothing. */
void vigil_probe_default_taken(vigil_probe_actor* actor, const vigil_probe_case* cases,
                               uint32_t case_count) VIGIL_PROBE_NOEXCEPT;

/* ---- what several share and the last one takes apart --------------------------------------------------------- */

/* let_go: what actor did so far with something of the user's that the runtime keeps for several (a timer's function, a
 * context's value) happens before that is destroyed. take_apart: before it is; the object is forgotten. Who is the last
 * is this schedule's doing. */
void vigil_probe_let_go(vigil_probe_actor* actor, const void* object) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_take_apart(vigil_probe_actor* actor, const void* object) VIGIL_PROBE_NOEXCEPT;

/* On a thread of the runtime's own that makes the call of a parked task (VIGIL_WAIT_BLOCKING): from begin to end it
 * runs the program's code, as a plain thread does. end comes before the task is woken. */
void vigil_probe_blocking_begin(vigil_probe_actor* task) VIGIL_PROBE_NOEXCEPT;
void vigil_probe_blocking_end(vigil_probe_actor* task) VIGIL_PROBE_NOEXCEPT;

/* The last copy of a context's cancel function went, called before or not: from now on only its deadline or an
 * ancestor ends it. Before context_destroy, and not for a context that has no cancel function of its own. */
void vigil_probe_context_abandon(const void* context) VIGIL_PROBE_NOEXCEPT;

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* VIGIL_PROBE_H */
