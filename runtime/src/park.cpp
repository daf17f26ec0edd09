#include "runtime/src/park.hpp"

#include <array>
#include <span>

#include <sched.h>

#include "runtime/src/fatal.hpp"
#include "runtime/src/fork.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

constinit std::atomic<std::uint64_t> sleeping_threads{0};  // with a deadline; a count, no data rides on it

PlainThread& thread_of(Inside& inside) noexcept { return static_cast<PlainThread&>(inside.record()); }

// PlainThread::granted.
enum : std::uint32_t { kAwake = 0, kGranted = 1, kAsleep = 2 };

// Looks for the grant for as long as sleeping and being woken would cost, if its last wait was that short: a peer that
// runs at the same time answers within microseconds.
bool granted_while_looking(PlainThread& thread) noexcept {
  constexpr Ticks kAlways = 2'000;
  constexpr int kPauses = 8;  // between two looks at the time
  if (!scheduler().has_room_to_spin()) return false;
  const Ticks limit = thread.expects_short_wait ? scheduler().patience.limit() : kAlways;
  do {
    // On a busy machine the kernel may have put who will grant it on this very processor, behind us.
    if (ticks() - thread.parked_at > Patience::kPolite) sched_yield();
    for (int i = 0; i < kPauses; ++i) {
      // acquire: pairs with the release in grant(); the waker's stores to our Waiter are visible.
      if (thread.granted.load(std::memory_order_acquire) == kGranted) {
        thread.expects_short_wait = true;
        scheduler().set_exchanging(thread, true);
        return true;
      }
      cpu_relax();
    }
  } while (ticks() - thread.parked_at < limit);
  return false;
}

void learn_from_wait(PlainThread& thread) noexcept {
  scheduler().patience.woken(thread.granted_at);
  thread.expects_short_wait = thread.granted_at - thread.parked_at < scheduler().patience.limit();
}

// Sleeps until granted (true) or until the deadline is over (false).
bool sleep_until_granted(PlainThread& thread, std::uint64_t deadline_ns) noexcept {
  std::uint32_t awake = kAwake;
  // acquire, also when it fails: as above. A waker that finds kAsleep wakes us, one that finds kAwake need not.
  if (!thread.granted.compare_exchange_strong(awake, kAsleep, std::memory_order_acquire)) return true;
  for (;;) {
    futex_wait(thread.granted, kAsleep, deadline_ns);
    if (thread.granted.load(std::memory_order_acquire) == kGranted) {
      learn_from_wait(thread);
      return true;
    }
    if (deadline_ns != kNoDeadline && now_ns() >= deadline_ns) return false;
  }
}

namespace {

// The registers that calls preserve, on the stack of a thread that sleeps: one of them may hold the only copy of a
// handle of the caller's, and whoever searches memory for who has one must find it. (A task's are saved when it is
// switched away from.)
struct SavedRegisters {
  [[gnu::always_inline]] SavedRegisters() noexcept {
    asm volatile(
        "mov %%rbx, 0(%0)\n\tmov %%rbp, 8(%0)\n\tmov %%r12, 16(%0)\n\tmov %%r13, 24(%0)\n\t"
        "mov %%r14, 32(%0)\n\tmov %%r15, 40(%0)"
        :
        : "r"(registers)
        : "memory");
  }
  std::uint64_t registers[6] = {};
};

}  // namespace

void park_thread(Inside& inside, AfterSwitch release, Race* race, std::uint64_t deadline_ns) noexcept {
  const SavedRegisters saved;
  refuse_to_wait_in_child();
  PlainThread& thread = thread_of(inside);
  vigil_probe_park(&thread.probe, &thread.wait);
  thread.granted.store(kAwake, std::memory_order_relaxed);
  // Counted before it can be seen parked: a watcher that finds nothing moving and no deadline may conclude a deadlock.
  if (deadline_ns != kNoDeadline) sleeping_threads.fetch_add(1, std::memory_order_seq_cst);
  thread.move_to(TaskState::Parked);
  if (is_choosing()) turns().leave(thread);  // before anybody can find it: a wake-up makes it ready again
  release.run(release.what);
  thread.leave();
  vigil_probe_thread_park(&thread.probe);
  thread.parked_at = ticks();
  const bool granted = granted_while_looking(thread) || [&] {
    scheduler().set_exchanging(thread, false);
    return sleep_until_granted(thread, deadline_ns);
  }();
  if (!granted) {
    thread.enter();  // what follows changes a parked actor
    const bool timed_out = race->claim(Race::kTimeout);
    if (timed_out) thread.move_to(TaskState::Running);
    thread.leave();
    if (!timed_out)  // somebody has won and is about to grant
      while (thread.granted.load(std::memory_order_acquire) != kGranted) futex_wait(thread.granted, kAsleep);
  }
  if (deadline_ns != kNoDeadline) sleeping_threads.fetch_sub(1, std::memory_order_seq_cst);
  vigil_probe_thread_wake(&thread.probe);
  thread.enter();
}

void park_task(Inside& inside, AfterSwitch release) noexcept {
  inside.moved_to(Worker::park(*inside.record().worker, task_of(inside.actor()), release));
}

// Releases the caller's locks and then the timers'. It lies on the parked task's stack: while the timers are locked the
// task cannot return from cancel(), so the block is still there when it is read.
struct TimedRelease {
  AfterSwitch inner;
  std::uint64_t deadline_ns;

  static void run(void* self) noexcept {
    const TimedRelease copy = *static_cast<TimedRelease*>(self);
    copy.inner.run(copy.inner.what);
    scheduler().timers.lock().unlock();
    scheduler().timer_added(copy.deadline_ns);
  }
};

}  // namespace

void park(Inside& inside, AfterSwitch release) noexcept {
  if (inside.record().worker != nullptr)
    park_task(inside, release);
  else
    park_thread(inside, release, nullptr, kNoDeadline);
}

void park_until(Inside& inside, AfterSwitch release, Race& race, std::uint64_t deadline_ns) noexcept {
  // The system knows nothing of virtual deadlines, and wakes a thread at another step in every run.
  if (inside.record().worker == nullptr && !time_is_virtual() && !is_choosing()) {
    park_thread(inside, release, &race, deadline_ns);
    return;
  }
  TimerHeap& timers = scheduler().timers;
  Timer timer;
  timer.deadline_ns = deadline_ns;
  timer.waiter.actor = &inside.actor();
  timer.waiter.race = &race;
  TimedRelease timed{release, deadline_ns};
  timers.lock().lock();
  timers.add_locked(timer);
  park(inside, {&TimedRelease::run, &timed});
  timers.cancel(timer);
}

void park_for_ever(Inside& inside) noexcept {
  park(inside, {[](void*) noexcept {}, nullptr});
  fatal("somebody woke a task that nobody could know of");
}

void wake(ThreadRecord& self, Waiter& waiter) noexcept {
  Actor& actor = *waiter.actor;
  if (!actor.is_thread()) {
    scheduler().wake(self, task_of(actor));
    return;
  }
  auto& thread = static_cast<PlainThread&>(actor);
  thread.move_to(TaskState::Running);
  if (is_choosing())
    turns().ready(thread);
  else if (self.worker != nullptr && scheduler().put_off(*self.worker, thread))
    return;
  grant(thread);
}

void grant(PlainThread& thread) noexcept {
  // release: what was done for the thread comes with it. The record stays valid even if the thread ends at once.
  thread.granted_at = ticks();
  if (thread.granted.exchange(kGranted, std::memory_order_release) == kAsleep) futex_wake(thread.granted, 1);
}

void wake_all(ThreadRecord& self, WakeList& woken) noexcept {
  Waiter* const first = woken.first();
  if (first != nullptr && first->next == nullptr)
    wake(self, *first);
  else
    wake_in_turn(self, woken);
}

void wake_in_turn(ThreadRecord& self, WakeList& woken) noexcept {
  Waiter* waiter = woken.first();
  std::array<Task*, 64> tasks;
  std::size_t count = 0;
  while (waiter != nullptr) {
    Waiter* const next = waiter->next;  // the waiter is gone once its actor runs
    if (waiter->actor->is_thread()) {
      wake(self, *waiter);
    } else {
      tasks[count++] = &task_of(*waiter->actor);
      if (count == tasks.size()) {
        scheduler().wake(self, tasks);
        count = 0;
      }
    }
    waiter = next;
  }
  if (count > 0) scheduler().wake(self, std::span(tasks).first(count));
}

std::uint64_t threads_with_deadline() noexcept { return sleeping_threads.load(std::memory_order_relaxed); }

}  // namespace vigil::detail
