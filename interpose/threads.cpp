#include "interpose/threads.hpp"

#include <unistd.h>

#include <climits>

#include "interpose/alternate_stacks.hpp"
#include "interpose/confinement.hpp"
#include "interpose/current.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/leaks/heap_block.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/alone.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/schedule.hpp"
#include "interpose/stacks/recent_stacks.hpp"
#include "interpose/tasks_server.hpp"
#include "interpose/thread_edges.hpp"
#include "interpose/throws.hpp"
#include "interpose/timeline.hpp"
#include "interpose/watch.hpp"

namespace vigil::shim {

namespace detail {
thread_local constinit Actor* own_thread __attribute__((tls_model("initial-exec"))) = nullptr;
// relaxed: set before the second actor exists, whose creation publishes it.
constinit std::atomic<bool> concurrent{false};
}  // namespace detail

namespace {

using detail::concurrent;
using detail::own_thread;

constinit FutexLock registry_lock;
constinit OwnMap<std::uintptr_t, Actor*>* registry = nullptr;  // by pthread_t; guarded by registry_lock
constinit std::atomic<std::uint64_t> last_number{1};           // 1 is main's
constinit std::atomic<std::uint64_t> created{0};
constinit std::atomic<int> awake{0};
// relaxed: set before the first task can be seen in such a call by who has paused the runtime after it.
constinit std::atomic<bool> services_told{false};

Actor* make_thread(std::uint64_t number) noexcept {
  Actor* const thread = own_new<Actor>();
  thread->type = ActorType::Thread;
  thread->id = number;
  thread->thread = own_new<ThreadPart>();
  return thread;
}

// The end of a thread is heard by a key whose destructor runs in the last round: after the program's own destructors,
// and also when the thread is cancelled or leaves by pthread_exit().
enum class EndKey : std::uint8_t { Unmade, Made, Impossible };
constinit EndKey end_key_state = EndKey::Unmade;  // guarded by registry_lock
pthread_key_t end_key;                            // set once, before the first thread that needs it
thread_local constinit int end_rounds __attribute__((tls_model("initial-exec"))) = 0;

void on_thread_end(void* actor) {
  if (++end_rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
    pthread_setspecific(end_key, actor);  // once more: others may still act
    return;
  }
  thread_edges::block_signals();  // for good: libc does so itself a little later
  record([&] { end_thread(*static_cast<Actor*>(actor)); });
}

// Under registry_lock. Made when it is first needed: the runtime's constructor may come before ours.
bool have_end_key() noexcept {
  if (end_key_state == EndKey::Unmade) {
    end_key_state = pthread_key_create(&end_key, on_thread_end) == 0 ? EndKey::Made : EndKey::Impossible;
  }
  return end_key_state == EndKey::Made;
}

void free_thread(Actor* thread) noexcept {
  race::actor_ended(*thread, 0);
  forget_throws(*thread);
  race::forget_fences(*thread);
  own_delete(thread->thread);
  own_delete(thread);
}

// Joins that have begun and not ended, by handle. The real join is over before its end is heard of here, and the next
// thread may have the handle by then, and may have ended, too.
struct Joins {
  unsigned count = 0;
  bool changed_hands = false;
  order::Point before;  // what those did who had the handle meanwhile and have it no more
};
constinit OwnMap<std::uintptr_t, Joins*>* joins = nullptr;  // guarded by registry_lock; made when it is needed

// Under registry_lock. Null: nobody joins it.
Joins* joins_of(std::uintptr_t handle) noexcept {
  if (joins == nullptr) return nullptr;
  const auto found = joins->find(handle);
  return found != joins->end() ? found->second : nullptr;
}
void keep_for_joins(std::uintptr_t handle, const order::Point& final) noexcept {
  Joins* const pending = joins_of(handle);
  if (pending == nullptr) return;
  pending->changed_hands = true;
  order::merge(pending->before, final);
}

// Under registry_lock. Null: nobody has the handle.
Actor* who_has(std::uintptr_t handle) noexcept {
  if (registry == nullptr) return nullptr;
  const auto found = registry->find(handle);
  return found != registry->end() ? found->second : nullptr;
}

// Enters the calling thread. Whoever had its handle before is gone from the system.
void enroll(Actor* thread) noexcept {
  const int tid = this_tid();
  thread->thread->tid.store(tid, std::memory_order_relaxed);
  thread->thread->handle.store(pthread_self(), std::memory_order_relaxed);
  own_thread = thread;
  detail::lane.tid = tid;
  detail::lane.acts();
  if (race::bridge::is_on()) race::bridge::thread_known(this_tid(), key_of(*thread));
  registry_lock.lock();
  if (registry == nullptr) registry = own_new<OwnMap<std::uintptr_t, Actor*>>();
  Actor* const before = std::exchange((*registry)[pthread_self()], thread);
  if (before != nullptr && before != thread) keep_for_joins(pthread_self(), before->thread->final);
  const bool can_hear_end = have_end_key();
  registry_lock.unlock();
  if (can_hear_end) pthread_setspecific(end_key, thread);
  if (before != nullptr && before != thread) free_thread(before);
}

// What comes before threads whose creation nobody heard of.
constinit FutexLock unseen_lock;
constinit order::Point* before_unseen = nullptr;  // guarded by unseen_lock; made when it is needed

// What those knew who cancelled threads, by handle: a thread may be cancelled before it has begun.
constinit FutexLock cancel_lock;
constinit OwnMap<std::uintptr_t, order::Point*>* cancels = nullptr;  // guarded by cancel_lock; made when it is needed

// Under cancel_lock. Null: nobody cancelled it.
order::Point* cancel_of(std::uintptr_t handle) noexcept {
  if (cancels == nullptr) return nullptr;
  const auto found = cancels->find(handle);
  return found != cancels->end() ? found->second : nullptr;
}
// Nobody says when a thread heeds that it was cancelled; when it ends it has, or has ended by itself.
void acquire_cancel(Actor& thread) noexcept {
  const std::uintptr_t handle = thread.thread->handle.load(std::memory_order_relaxed);
  cancel_lock.lock();
  order::Point* const known = cancel_of(handle);
  if (known != nullptr) {
    order::acquire(thread.clocks, *known);
    cancels->erase(handle);
  }
  cancel_lock.unlock();
  own_delete(known);
}

constinit int forked_from = 0;  // written while there is one thread

// One thread less is awake. relaxed: the count only says when to look; who looks reads the truth, twice.
void note_asleep() noexcept {
  if (awake.fetch_sub(1, std::memory_order_relaxed) == 1) watch::poke();
}
void note_awake() noexcept { awake.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

int this_tid() noexcept { return static_cast<int>(raw_syscall(SYS_gettid)); }

void unseen_threads_follow() noexcept {
  if (order::needs() == 0) return;
  Actor& self = current_actor();
  unseen_lock.lock();
  if (before_unseen == nullptr) before_unseen = own_new<order::Point>();
  order::release_merge(self.clocks, *before_unseen);
  unseen_lock.unlock();
}

Actor& this_thread() noexcept {
  if (own_thread != nullptr) [[likely]]
    return *own_thread;
  const int tid = this_tid();
  const bool is_main = tid == static_cast<int>(raw_syscall(SYS_getpid));
  Actor* const thread = make_thread(is_main ? 1 : last_number.fetch_add(1, std::memory_order_relaxed) + 1);
  enroll(thread);
  note_awake();
  if (order::needs() != 0) {
    unseen_lock.lock();
    if (before_unseen != nullptr) order::acquire(thread->clocks, *before_unseen);
    unseen_lock.unlock();
  }
  return *thread;
}

Actor& prepare_thread(bool has_own_stack) noexcept {
  Actor& creator = current_actor();
  Actor* const thread = make_thread(last_number.fetch_add(1, std::memory_order_relaxed) + 1);
  thread->created_at = capture_stack();
  thread->thread->has_own_stack = has_own_stack;
  thread->thread->confinement = confinement::here();
  order::spawn(thread->clocks, creator.clocks);
  created.fetch_add(1, std::memory_order_relaxed);
  note_awake();
  return *thread;
}

void forget_thread(Actor& thread) noexcept {
  created.fetch_sub(1, std::memory_order_relaxed);
  order::end(thread.clocks);
  free_thread(&thread);
  note_asleep();
}

void begin_thread(Actor& thread, ThreadFrames frames) noexcept {
  thread.thread->first_frame.store(frames.first_frame, std::memory_order_relaxed);
  thread.thread->stack_high.store(frames.stack_high, std::memory_order_relaxed);
  confinement::inherit(thread.thread->confinement);
  if (!confinement::forbids_the_end()) alternate_stacks::give();
  enroll(&thread);
  if (timeline::on()) timeline::goes_on(thread);
}

void end_thread(Actor& thread) noexcept {
  ThreadPart& part = *thread.thread;
  if (part.state.load(std::memory_order_relaxed) == ThreadState::Ended) return;
  locks::leaves_locked(thread);
  leave_blocked(thread);  // it was cancelled in a wait
  if (timeline::on()) timeline::ends(thread);
  if (&thread == own_thread) {
    race::thread_ended(thread);
    race::bridge::thread_ends();  // it has a join of its own
  }
  locks::hand_over(thread);
  acquire_cancel(thread);
  order::release_merge(thread.clocks, part.final);
  order::end(thread.clocks);
  locks::actor_ends(thread);
  // Whatever mutex lay on its stack is gone, though std::mutex says nothing. The stack is at least this large, or what
  // lies below is another thread's: then a lock there is taken for a new one, which costs what was known of its order.
  constexpr std::uintptr_t kStackBytes = 1U << 20U;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  // What called us may be deeper than the thread's own first frames were. These end where glibc's record of the thread
  // lies, on the same mapping; main's record lies elsewhere.
  const auto record = static_cast<std::uintptr_t>(pthread_self());
  const bool is_above = record > here && record - here < kStackBytes;
  locks::memory_gone(here - kStackBytes, is_above ? record : here);
  forget_recent_stacks();
  if (&thread == own_thread) {
    give_back_kept_memory();
    if (!confinement::forbids_the_end()) alternate_stacks::take_back();
  }
  part.state.store(ThreadState::Ended, std::memory_order_release);
  if (!part.is_worker.load(std::memory_order_relaxed)) note_asleep();
}

void cancel_thread(pthread_t handle) noexcept {
  if (order::needs() == 0) return;
  Actor& self = current_actor();
  cancel_lock.lock();
  if (cancels == nullptr) cancels = own_new<OwnMap<std::uintptr_t, order::Point*>>();
  order::Point*& known = (*cancels)[handle];
  if (known == nullptr) known = own_new<order::Point>();
  order::release_merge(self.clocks, *known);
  cancel_lock.unlock();
}

bool may_be_ordered_by_cancel(const Actor& thread, race::Epoch older) noexcept {
  if (thread.thread == nullptr) return false;
  cancel_lock.lock();
  const order::Point* const known = cancel_of(thread.thread->handle.load(std::memory_order_relaxed));
  const bool ordered = known != nullptr && race::happened_before(older, known->whole);
  cancel_lock.unlock();
  return ordered;
}

void become_worker() noexcept {
  ThreadPart& part = *this_thread().thread;
  if (part.is_worker.exchange(true, std::memory_order_relaxed)) return;
  if (timeline::on()) timeline::hide(this_thread());
  created.fetch_sub(1, std::memory_order_relaxed);
  note_asleep();
}

void begin_service() noexcept {
  services_told.store(true, std::memory_order_relaxed);
  this_thread().thread->is_worker.store(false, std::memory_order_relaxed);
  note_awake();
}

void end_service() noexcept {
  Actor& thread = this_thread();
  leave_blocked(thread);
  thread.thread->is_worker.store(true, std::memory_order_relaxed);
  note_asleep();
}

bool services_are_told() noexcept { return services_told.load(std::memory_order_relaxed); }

void begin_join(pthread_t handle) noexcept {
  registry_lock.lock();
  if (joins == nullptr) joins = own_new<OwnMap<std::uintptr_t, Joins*>>();
  Joins*& pending = (*joins)[handle];
  if (pending == nullptr) pending = own_new<Joins>();
  ++pending->count;
  registry_lock.unlock();
}

void end_join(pthread_t handle, Actor* joiner) noexcept {
  Actor* joined = nullptr;
  registry_lock.lock();
  Joins* const pending = joins_of(handle);
  const bool changed_hands = pending != nullptr && pending->changed_hands;
  if (joiner != nullptr) {
    Actor* const now = who_has(handle);
    if (!changed_hands && now != nullptr) {
      joined = now;
      registry->erase(handle);
    }
    // Either may be another's then, which is order that there is not, and whoever gets the handle next lets it go.
    if (changed_hands) order::acquire(joiner->clocks, pending->before);
    // acquire: pairs with the release at its end, before which it put in what it did.
    const bool has_ended = now != nullptr && now->thread->state.load(std::memory_order_acquire) == ThreadState::Ended;
    if (has_ended) order::acquire(joiner->clocks, now->thread->final);
  }
  if (pending != nullptr && --pending->count == 0) {
    joins->erase(handle);
    own_delete(pending);
  }
  registry_lock.unlock();
  if (joined != nullptr) free_thread(joined);
}

void for_each_thread(bool (*visit)(Actor& thread, void* context), void* context) noexcept {
  registry_lock.lock();
  if (registry != nullptr) {
    for (const auto& [handle, thread] : *registry) {
      if (!visit(*thread, context)) break;
    }
  }
  registry_lock.unlock();
}

bool is_concurrent() noexcept { return concurrent.load(std::memory_order_relaxed); }
void become_concurrent() noexcept {
  if (is_concurrent() || concurrent.exchange(true, std::memory_order_relaxed)) return;
  detail::detours.fetch_and(static_cast<std::uint8_t>(~detail::kAlone), std::memory_order_relaxed);
  locks::alone::recall_all();
  open_record();
  leaks::find_allocator();
  watch::start();
  tasks_server::start();
}

int awake_threads() noexcept { return awake.load(std::memory_order_relaxed); }
std::uint64_t created_threads() noexcept { return created.load(std::memory_order_relaxed); }

void enter_blocked(Actor& thread, CallKind kind, std::uintptr_t object, bool for_ever) noexcept {
  ThreadPart& part = *thread.thread;
  const bool on_worker = part.is_worker.load(std::memory_order_relaxed);
  Actor& self = current_actor();
  if (on_worker && self.type != ActorType::Task) return;
  leave_blocked(thread);  // a wait that was cancelled, or left by a long jump, never said that it was over
  BlockedCall& call = part.call;
  call.object.store(object, std::memory_order_relaxed);
  call.stack.store(capture_stack(), std::memory_order_relaxed);
  call.since_ms.store(coarse_ms(), std::memory_order_relaxed);
  call.for_ever.store(for_ever, std::memory_order_relaxed);
  call.task.store(on_worker ? &self : nullptr, std::memory_order_relaxed);
  call.round.store(call.round.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // release: pairs with the acquire in look_at_threads(); who sees the kind sees the fields above.
  call.kind.store(kind, std::memory_order_release);
  if (timeline::on() && kind != CallKind::Primitive)
    timeline::waits(self, kind);  // a primitive says more: vigil_probe_park
  if (!on_worker) return note_asleep();
  // The runtime counts the task as running: it will not say that it is idle.
  if (awake_threads() == 0) watch::poke();
}

void leave_blocked(Actor& thread) noexcept {
  BlockedCall& call = thread.thread->call;
  if (call.kind.load(std::memory_order_relaxed) == CallKind::None) return;
  if (!thread.thread->is_worker.load(std::memory_order_relaxed)) note_awake();
  if (timeline::on()) {
    const Actor* const task = call.task.load(std::memory_order_relaxed);
    timeline::goes_on(task != nullptr ? *task : thread);
  }
  call.kind.store(CallKind::None, std::memory_order_relaxed);
  // release: whoever sees this wait's effects in the program sees the new round.
  call.round.store(call.round.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void BlockedScope::begin(CallKind kind, std::uintptr_t object, bool for_ever) noexcept {
  schedule::step_aside();
  record([&] {
    thread_ = &this_thread();
    enter_blocked(*thread_, kind, object, for_ever);
  });
}

void BlockedScope::leave() noexcept {
  if (Actor* const thread = std::exchange(thread_, nullptr)) leave_blocked(*thread);
}

int tid_before_fork() noexcept { return forked_from; }

ActorKey key_of_thread(pthread_t handle) noexcept {
  ActorKey key{};
  registry_lock.lock();
  if (registry != nullptr) {
    const auto found = registry->find(handle);
    const bool lives = found != registry->end() &&
                       found->second->thread->state.load(std::memory_order_relaxed) == ThreadState::Running;
    if (lives) key = key_of(*found->second);
  }
  registry_lock.unlock();
  return key;
}

void threads_forked() noexcept {
  alternate_stacks::forked();
  registry_lock.reset_after_fork();
  unseen_lock.reset_after_fork();
  cancel_lock.reset_after_fork();
  Actor& self = this_thread();
  forked_from = self.thread->tid.load(std::memory_order_relaxed);
  locks::forget_waits_after_fork();
  if (registry != nullptr) registry->clear();
  if (joins != nullptr) joins->clear();
  enroll(&self);
  awake.store(1, std::memory_order_relaxed);
  created.store(0, std::memory_order_relaxed);
  concurrent.store(false, std::memory_order_relaxed);
  detail::detours.fetch_or(detail::kAlone, std::memory_order_relaxed);
}

}  // namespace vigil::shim
