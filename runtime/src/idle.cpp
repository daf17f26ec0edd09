// How a worker sleeps, what the keeper does meanwhile, and how one retires. The other half of scheduler.cpp.
#include <algorithm>
#include <utility>

#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"

namespace vigil::detail {
namespace {

// How often the keeper looks for stuck hand-offs: soon at first, for a program that has just begun to compute, then
// seldom enough to cost nothing (1,000 looks a second of 3 us each).
constexpr std::uint64_t kFirstLookNs = 50'000;
constexpr std::uint64_t kLastLookNs = 1'000'000;

}  // namespace

bool Scheduler::work_in_sight() noexcept {
  if (!global_.empty()) return true;
  if (a_timer_is_due()) return true;
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  // What lies in another worker's queue is that worker's to run, and when lazy, the keeper's to judge.
  if (lazy_.load(std::memory_order_relaxed)) return false;
  for (std::uint32_t i = 0; i < count; ++i)
    if (const Worker* const worker = workers_[i].load(std::memory_order_acquire);
        worker != nullptr && !worker->queue_.empty())
      return true;
  return false;
}

bool Scheduler::a_timer_is_due() noexcept {
  const std::uint64_t earliest = timers.earliest();
  return earliest != kNoDeadline && earliest <= now_ns();
}

void Scheduler::stop_spinning(Worker& worker) noexcept {
  if (!worker.spinning_) return;
  worker.spinning_ = false;
  const bool was_last = spinning_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  // Work came in bulk, or more of it came while nobody was woken because this worker was looking: somebody else looks
  // now.
  if (was_last && (worker.has_local_work() || work_in_sight())) wake_one();
}

void Scheduler::fire_timers(Worker& worker) noexcept {
  const std::uint64_t earliest = timers.earliest();
  if (earliest == kNoDeadline) return;
  const std::uint64_t now = now_ns();
  if (earliest > now) return;
  timers.begin_firing();
  WakeList woken;
  TimedCall* const due = timers.expire(now, woken);
  wake_in_turn(worker, woken);
  if (due != nullptr) call_due(worker, *due);
  timers.end_firing();
}

// A call acts like anybody who uses a primitive, but must not park. It acts as the worker's `clock`, so that the order
// of events passes from who set the timer through it to whom it wakes.
void Scheduler::call_due(Worker& worker, TimedCall& first) noexcept {
  if (worker.clock_.flags == 0) {
    worker.clock_.flags = VIGIL_ACTOR_IS_THREAD | VIGIL_ACTOR_IS_DAEMON;
    worker.clock_.move_to(TaskState::Running);
    vigil_probe_thread_start(&worker.clock_.probe);
  }
  worker.actor = &worker.clock_;
  worker.makes_calls_.store(true, std::memory_order_relaxed);
  worker.leave();
  for (TimedCall* call = &first; call != nullptr;) {
    TimedCall* const next = call->next_due;  // the call may be due again once it has begun
    call->call(*call);
    call = next;
  }
  worker.enter();
  worker.makes_calls_.store(false, std::memory_order_relaxed);
  worker.actor = nullptr;
}

Task* Scheduler::sleep(Worker& worker, bool rests) noexcept {
  const bool was_spinning = std::exchange(worker.spinning_, false);  // before a waker can find it here and set it
  {
    const SpinGuard held(idle_lock_);
    worker.wake_word_.store(Worker::kSleeping, std::memory_order_relaxed);
    worker.is_idle_ = true;
    if (keeper_.load(std::memory_order_relaxed) == nullptr) {
      keeper_until_.store(kNoDeadline, std::memory_order_relaxed);
      keeper_.store(&worker, std::memory_order_seq_cst);
    } else {
      worker.next_idle_ = idle_;
      idle_ = &worker;
    }
  }
  const bool was_last = running_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  if (was_spinning) spinning_.fetch_sub(1, std::memory_order_seq_cst);
  // The decrements are full fences: announced first, looked second (I1). Who rests leaves it to the others to look,
  // unless all of them have gone to sleep too.
  if ((was_last || !rests) && work_in_sight() && leave_idle(worker)) {
    worker.spinning_ = true;
    spinning_.fetch_add(1, std::memory_order_seq_cst);
    return nullptr;
  }
  // What was not looked at for being lazy, the keeper sees to.
  if (!was_last && lazy_.load(std::memory_order_relaxed) && keeper_.load(std::memory_order_relaxed) != &worker)
    static_cast<void>(keeper_will_look());
  worker.leave();
  if (was_last) vigil_probe_idle();
  Task* task = nullptr;
  for (;;) {
    // acquire: pairs with the release of grant().
    std::uint32_t word = worker.wake_word_.load(std::memory_order_acquire);
    if (word == Worker::kGranted) break;
    if (word == Worker::kLookAgain) {
      worker.wake_word_.compare_exchange_strong(word, Worker::kSleeping, std::memory_order_acquire,
                                                std::memory_order_relaxed);
      continue;
    }
    if (keeper_.load(std::memory_order_relaxed) == &worker) {
      task = keep(worker);
      if (task != nullptr || worker.wake_word_.load(std::memory_order_acquire) == Worker::kGranted) break;
    } else {
      futex_wait(worker.wake_word_, Worker::kSleeping);
    }
  }
  worker.enter();
  return task;
}

std::uint64_t Scheduler::switches_of_all() const noexcept {
  std::uint64_t sum = 0;
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count; ++i)
    if (const Worker* const worker = workers_[i].load(std::memory_order_acquire); worker != nullptr)
      sum += worker->switches_.load(std::memory_order_relaxed);
  return sum;
}

// One worker's turn as keeper: until it is granted or asked to look again, a timer is due, or a hand-off got stuck.
// In the last two cases it has left the idle ones itself and its word is kGranted.
Task* Scheduler::keep(Worker& worker) noexcept {
  std::uint64_t period = kFirstLookNs;
  std::uint64_t switches_before = 0;
  for (;;) {
    watching_.store(true, std::memory_order_relaxed);
    // That all sleep at this moment says little where tasks exchange with threads: one more look, if anything ran.
    const std::uint64_t switches = switches_of_all();
    const bool something_ran = std::exchange(switches_before, switches) != switches;
    const bool others_run = [&] {
      if (something_ran || running_.load(std::memory_order_relaxed) > 0) return true;
      // seq_cst store, then load: a worker that starts running counts itself first and reads watching_ second.
      watching_.store(false, std::memory_order_seq_cst);
      if (running_.load(std::memory_order_seq_cst) == 0) return false;
      watching_.store(true, std::memory_order_seq_cst);
      return true;
    }();
    const std::uint64_t next_look = others_run ? now_ns() + period : kNoDeadline;
    std::uint64_t until = kNoDeadline;
    for (;;) {  // announce how long, then look at the timers; who adds one does the reverse
      const std::uint64_t timer = timers.earliest();
      until = next_look == kNoDeadline ? timer : timer == kNoDeadline ? next_look : std::min(timer, next_look);
      keeper_until_.store(until, std::memory_order_seq_cst);
      if (timers.earliest() == timer) break;
    }
    futex_wait(worker.wake_word_, Worker::kSleeping, until);
    if (worker.wake_word_.load(std::memory_order_acquire) != Worker::kSleeping) return nullptr;

    const std::uint64_t timer = timers.earliest();
    if (timer != kNoDeadline && timer <= now_ns()) {
      if (leave_idle(worker)) worker.wake_word_.store(Worker::kGranted, std::memory_order_relaxed);
      return nullptr;
    }
    if (!others_run) continue;
    if (Task* const task = take_what_waits(worker); task != nullptr) {
      if (leave_idle(worker)) worker.wake_word_.store(Worker::kGranted, std::memory_order_relaxed);
      while (worker.wake_word_.load(std::memory_order_acquire) != Worker::kGranted)
        cpu_relax();  // popped: grant is coming
      return task;
    }
    period = std::min(period * 2, kLastLookNs);
  }
}

// The keeper's look at what has waited while its own processor was free.
Task* Scheduler::take_what_waits(Worker& keeper) noexcept {
  // One looks at a time: a keeper that has just lost its role may still be here when the next one comes.
  if (looking_.exchange(true, std::memory_order_acquire)) return nullptr;
  keeper.enter();
  Task* task = nullptr;
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count && task == nullptr; ++i) {
    Worker* const worker = workers_[i].load(std::memory_order_acquire);
    if (worker == nullptr || worker == &keeper) continue;
    task = take_stuck_hand_off(*worker);
  }
  if (task == nullptr) task = take_ripe(keeper);
  if (task != nullptr) lazy_.store(false, std::memory_order_relaxed);
  keeper.leave();
  looking_.store(false, std::memory_order_release);
  return task;
}

// A task that has waited in run_next_ since the last look, while its worker ran one and the same task, is stuck; and a
// plain thread that was put off before the last look has waited long enough.
Task* Scheduler::take_stuck_hand_off(Worker& worker) noexcept {
  // Only hints; taking the task is done with the worker claimed.
  Task* const next = worker.run_next_.load(std::memory_order_relaxed);
  PlainThread* const put_off = worker.put_off_.load(std::memory_order_relaxed);
  const std::uint32_t switches = worker.switches_.load(std::memory_order_relaxed);
  const bool same_task_runs = switches == worker.seen_switches_;
  const bool is_stuck = next != nullptr && next == worker.seen_next_ && same_task_runs;
  const bool thread_waits = put_off != nullptr && put_off == worker.seen_put_off_;
  worker.seen_next_ = next;
  worker.seen_put_off_ = put_off;
  worker.seen_switches_ = switches;
  if (thread_waits) {
    if (same_task_runs) worker.hand_off_got_stuck_.store(true, std::memory_order_relaxed);
    worker.grant_put_off();
  }
  if (!is_stuck) return nullptr;
  Task* stuck = nullptr;
  worker.stop.fetch_or(ThreadRecord::kClaimed, std::memory_order_relaxed);
  fence_all_threads();
  // acquire: pairs with the release in leave(); outside, the worker does not touch run_next_, and cannot come in.
  if (worker.busy.load(std::memory_order_acquire) == 0) {
    stuck = worker.run_next_.load(std::memory_order_relaxed);
    worker.run_next_.store(nullptr, std::memory_order_relaxed);
    worker.hand_off_got_stuck_.store(true, std::memory_order_relaxed);
  }
  worker.stop.fetch_and(~ThreadRecord::kClaimed, std::memory_order_release);
  return stuck;
}

// Tasks in queues: those that wait for as long as a thief would look at them (see Worker::steal).
Task* Scheduler::take_ripe(Worker& keeper) noexcept {
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  bool any = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    Worker* const worker = workers_[i].load(std::memory_order_acquire);
    if (worker == nullptr || worker == &keeper) continue;
    any = any || !worker->queue_.empty();
    worker->seen_put_ = worker->queue_.put();
  }
  if (any)
    for (const Ticks begin = ticks(); ticks() - begin < Worker::kRipe;) cpu_relax();
  for (std::uint32_t i = 0; any && i < count; ++i) {
    Worker* const worker = workers_[i].load(std::memory_order_acquire);
    if (worker == nullptr || worker == &keeper || worker->queue_.passed(worker->seen_put_)) continue;
    if (Task* const task = keeper.queue_.steal_half(worker->queue_); task != nullptr) return task;
  }
  const std::uint32_t taken = global_.taken();
  const bool nobody_takes = !global_.empty() && taken == seen_taken_;
  seen_taken_ = taken;
  return nobody_takes ? pop_global(keeper) : nullptr;
}

// This worker is one too many: gives away what it has and sleeps until set_max_procs() wants it again.
void Scheduler::retire(Worker& worker) noexcept {
  const bool was_spinning = std::exchange(worker.spinning_, false);
  worker.give_away();
  {
    const SpinGuard held(idle_lock_);
    if ((worker.stop.load(std::memory_order_relaxed) & ThreadRecord::kRetire) == 0) {
      worker.spinning_ = was_spinning;
      return;
    }
    worker.is_retired_ = true;
    worker.wake_word_.store(Worker::kSleeping, std::memory_order_relaxed);
  }
  const bool was_last = running_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  if (was_spinning) spinning_.fetch_sub(1, std::memory_order_seq_cst);
  wake_one();
  worker.leave();
  if (was_last && !work_in_sight()) vigil_probe_idle();
  while (worker.wake_word_.load(std::memory_order_acquire) != Worker::kGranted)
    futex_wait(worker.wake_word_, Worker::kSleeping);
  worker.enter();
}

}  // namespace vigil::detail
