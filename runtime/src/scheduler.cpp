#include "runtime/src/scheduler.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include <pthread.h>
#include <sched.h>

#include "runtime/src/fatal.hpp"
#include "runtime/src/fence.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

// Constant-initialised and never destroyed.
union Immortal {
  constexpr Immortal() noexcept : scheduler() {}
  ~Immortal() {}  // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
  Scheduler scheduler;
};
constinit Immortal immortal;

constexpr std::size_t kShortBacklog = 64;   // tasks in the global queue: one worker will do
constexpr std::size_t kLongBacklog = 4096;  // tasks in the global queue: who makes more should wait
constexpr std::uint32_t kEagerWakes =
    1000;  // after a hand-off got stuck; one more stuck hand-off costs at most a look's period

int processors() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return std::max(1, CPU_COUNT(&allowed));
}

int first_procs() noexcept {
  if (const char* const wanted = std::getenv("VIGIL_PROCS"); wanted != nullptr) {
    char* end = nullptr;
    const long n = std::strtol(wanted, &end, 10);
    if (end != wanted && *end == '\0' && n >= 1) return static_cast<int>(std::min<long>(n, Scheduler::kMaxWorkers));
  }
  return std::min<int>(processors(), Scheduler::kMaxWorkers);
}

}  // namespace

Scheduler& scheduler() noexcept { return immortal.scheduler; }

// ---- counting ----------------------------------------------------------------------------------------------------

std::uint64_t Scheduler::tasks_finished() const noexcept {
  std::uint64_t sum = 0;
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count; ++i)
    if (const Worker* const worker = workers_[i].load(std::memory_order_acquire); worker != nullptr)
      sum += worker->finished.read();
  return sum;
}

// The peak can only be new when started - (any earlier sum of finished) exceeds it; only then is the sum made again.
void Scheduler::note_peak(std::uint64_t started) noexcept {
  if (started - finished_seen_.load(std::memory_order_relaxed) <= peak_alive_.load(std::memory_order_relaxed)) return;
  const std::uint64_t finished = tasks_finished();
  finished_seen_.store(finished, std::memory_order_relaxed);
  const std::uint64_t alive = started > finished ? started - finished : 0;
  std::uint64_t peak = peak_alive_.load(std::memory_order_relaxed);
  while (alive > peak && !peak_alive_.compare_exchange_weak(peak, alive, std::memory_order_relaxed)) {
  }
}

// ---- placing -----------------------------------------------------------------------------------------------------

void Scheduler::start_task(Task& task, std::uint32_t flags) noexcept {
  const std::uint64_t id = next_id_.fetch_add(1, std::memory_order_acq_rel);
  task.probe = {id, nullptr};
  task.flags = flags;
  task.wait = {};
  note_peak(id);

  // Who takes turns must be known from its first task on.
  ThreadRecord* const self = is_choosing() ? &this_thread() : this_thread_or_null();
  vigil_probe_task_create(self != nullptr ? &self->actor->probe : nullptr, &task.probe, flags);
  if (self != nullptr) {
    self->count_operation();
    self->enter();
  }
  task.move_to(TaskState::Runnable);
  place(self != nullptr ? self->worker : nullptr, task);
  if (self != nullptr) self->leave();
  // A plain thread may start tasks faster than they run. Letting the workers have the processor keeps the number of
  // stacks in use small, and those in use warm. (A task that starts tasks must not switch here: it may hold a
  // std::mutex.)
  if ((self == nullptr || self->worker == nullptr) && global_.size() > kLongBacklog) sched_yield();
}

void Scheduler::place(Worker* worker, Task& task) noexcept {
  if (is_choosing()) [[unlikely]] {
    turns().ready(task);
  } else if (worker == nullptr) {
    Task* const one[] = {&task};
    global_.push(one);
    wake_one();
  } else if (running_.load(std::memory_order_relaxed) < procs() && is_eager(*worker)) {
    worker->put_last(task);  // where the other worker can steal it
    wake_one();
  } else if (worker->put_next(task)) {
    wake_one();
  } else {
    watch_hand_off();
  }
}

void Scheduler::wake(ThreadRecord& self, Task& task) noexcept {
  self.wakes.add_one();
  task.move_to(TaskState::Runnable);
  place(self.worker, task);
}

void Scheduler::wake(ThreadRecord& self, std::span<Task* const> tasks) noexcept {
  if (is_choosing()) [[unlikely]] {
    for (Task* const task : tasks) wake(self, *task);
    return;
  }
  for (Task* const task : tasks) {
    self.wakes.add_one();
    task->move_to(TaskState::Runnable);
    if (self.worker != nullptr) self.worker->put_last(*task);
  }
  if (self.worker == nullptr) global_.push(tasks);
  wake_one();
}

void Scheduler::yield() noexcept {
  if (is_choosing()) [[unlikely]] {
    turns().point(this_thread(), true);
    return;
  }
  Inside inside;
  Worker& worker = *inside.record().worker;
  Task& task = task_of(inside.actor());
  if (!worker.has_local_work() && global_.empty() && !worker.time_to_look_around()) return;
  // Behind this worker's own tasks; those of the global queue get their turn every kLookAroundEvery picks.
  task.move_to(TaskState::Runnable);
  Worker& now = Worker::step_aside(worker, task,
                                   {[](void* yielded) noexcept {
                                      this_thread().worker->put_last(*static_cast<Task*>(yielded));
                                      scheduler().wake_one();
                                    },
                                    &task});
  inside.moved_to(now);
}

// Takes this worker's share, the first to run and the rest into its queue.
Task* Scheduler::pop_global(Worker& worker) noexcept {
  Task* taken[RunQueue::kSlots / 2];
  const std::uint32_t count = global_.pop(taken, RunQueue::kSlots / 2, procs());
  if (count == 0) return nullptr;
  for (std::uint32_t i = 1; i < count; ++i) worker.put_last(*taken[i]);
  return taken[0];
}

// ---- waking workers ----------------------------------------------------------------------------------------------

void Scheduler::wake_one() noexcept {
  // seq_cst fence: what was pushed before, against the reading of running_ and spinning_; the sleeper does the reverse
  // (I1).
  full_fence();
  const std::uint32_t running = running_.load(std::memory_order_relaxed);
  if (running >= procs() || spinning_.load(std::memory_order_relaxed) != 0) return;
  const bool may_wait = (lazy_.load(std::memory_order_relaxed) && global_.size() < kShortBacklog) ||
                        running + exchanging_.load(std::memory_order_relaxed) >= procs();
  if (running > 0 && may_wait && keeper_will_look()) return;
  std::uint32_t none = 0;
  if (!spinning_.compare_exchange_strong(none, 1, std::memory_order_seq_cst, std::memory_order_relaxed)) return;
  Worker* const worker = pop_idle();
  if (worker != nullptr) {
    worker->spinning_ = true;
    worker->was_woken_ = true;
    grant(*worker);
  } else if (!start_worker()) {
    spinning_.fetch_sub(1, std::memory_order_seq_cst);
    // While it was tried nobody else was woken (I2), and one that found nothing before may have gone to sleep.
    if (keeper_.load(std::memory_order_relaxed) != nullptr && work_in_sight()) wake_one();
  }
}

// Whether the keeper looks round every while: it does, or is told to. False: there is none.
bool Scheduler::keeper_will_look() noexcept {
  if (watching_.load(std::memory_order_relaxed)) return true;
  if (keeper_.load(std::memory_order_relaxed) == nullptr) return false;
  poke_keeper();
  return true;
}

// Out of the way of the hand-off itself: it looks only whether somebody would notice if it got stuck.
void Scheduler::watch_hand_off() noexcept {
  if (!watching_.load(std::memory_order_relaxed) && running_.load(std::memory_order_relaxed) < procs()) [[unlikely]] {
    if (!keeper_will_look()) wake_one();
  }
}

// After a hand-off got stuck, for a while: others are told at once.
bool Scheduler::is_eager(Worker& worker) noexcept {
  if (worker.hand_off_got_stuck_.load(std::memory_order_relaxed)) [[unlikely]] {
    worker.hand_off_got_stuck_.store(false, std::memory_order_relaxed);
    worker.eager_wakes_ = kEagerWakes;
  }
  if (worker.eager_wakes_ == 0) return false;
  --worker.eager_wakes_;
  return true;
}

// While a keeper looks, a plain thread that was woken need not be told at once, as a task need not be: the worker goes
// on with what it has, and tells it when that is done, when some time has passed, or when another thread is to be told.
// Meanwhile more may come for the thread (a buffer fills), and the two do not take turns at every item.
bool Scheduler::put_off(Worker& worker, PlainThread& thread) noexcept {
  if (!watching_.load(std::memory_order_relaxed) || is_eager(worker)) return false;
  worker.put_off_since_ = ticks();
  // seq_cst, and then the look at watching_: who ceases to watch stores that first and then grants all (below). So
  // either that one finds the thread, or this one sees that nobody watches.
  if (PlainThread* const before = worker.put_off_.exchange(&thread, std::memory_order_seq_cst); before != nullptr)
    detail::grant(*before);
  if (!watching_.load(std::memory_order_seq_cst)) worker.grant_put_off();
  return true;
}

void Scheduler::grant_all_put_off() noexcept {
  const std::uint32_t count = workers_started_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < count; ++i)
    if (Worker* const worker = workers_[i].load(std::memory_order_acquire); worker != nullptr) worker->grant_put_off();
}

bool Scheduler::has_room_to_spin() noexcept {
  // No static of the function's: the watcher takes its guard for an initialisation of the program's, which orders what
  // came before it. relaxed: whoever does not see it yet finds the same.
  static constinit std::atomic<int> known{0};
  int count = known.load(std::memory_order_relaxed);
  if (count == 0) {
    count = processors();
    known.store(count, std::memory_order_relaxed);
  }
  const bool several = count > 1;
  return several;
}

// relaxed: a count that only guides who sleeps. When a thread leaves, what it kept others from may begin.
void Scheduler::set_exchanging(PlainThread& thread, bool exchanging) noexcept {
  if (thread.exchanging == exchanging) return;
  thread.exchanging = exchanging;
  if (exchanging) {
    exchanging_.fetch_add(1, std::memory_order_relaxed);
  } else {
    exchanging_.fetch_sub(1, std::memory_order_relaxed);
    if (!global_.empty()) wake_one();
  }
}

bool Scheduler::one_should_rest() noexcept {
  const std::uint32_t running = running_.load(std::memory_order_relaxed);
  return running > 1 && running + exchanging_.load(std::memory_order_relaxed) > procs();
}

bool Scheduler::begin_choosing() noexcept {
  if (is_choosing()) return tasks_started() == tasks_finished();
  if (workers_started_.load(std::memory_order_relaxed) != 0) return false;
  told_procs_.store(procs(), std::memory_order_relaxed);
  procs_.store(1, std::memory_order_seq_cst);
  return true;
}

void Scheduler::ensure_worker() noexcept {
  if (workers_started_.load(std::memory_order_relaxed) != 0) return;
  spinning_.fetch_add(1, std::memory_order_seq_cst);
  if (!start_worker()) spinning_.fetch_sub(1, std::memory_order_seq_cst);
}

// Without memory or without one more thread there are fewer workers, as long as there is one.
bool Scheduler::start_worker() noexcept {
  if (without_thread_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    return try_thread_again();
  std::uint32_t index = workers_started_.load(std::memory_order_relaxed);
  do {
    if (index >= procs()) return false;
  } while (
      !workers_started_.compare_exchange_weak(index, index + 1, std::memory_order_acq_rel, std::memory_order_relaxed));

  auto* const worker = new (std::nothrow) Worker(index);
  if (worker == nullptr) {
    if (index == 0) fatal("no memory for a first worker: nothing can run tasks");
    return false;
  }
  publish_record(*worker);
  workers_[index].store(worker, std::memory_order_release);
  if (give_thread(*worker)) return true;
  if (index == 0) fatal("cannot start a first worker thread: nothing can run tasks");
  return false;
}

// The caller is counted in spinning_ for the worker, which takes that over; so one tries at a time, until it succeeds.
bool Scheduler::give_thread(Worker& worker) noexcept {
  if (!worker.has_thread_.exchange(true, std::memory_order_relaxed))
    without_thread_.fetch_sub(1, std::memory_order_relaxed);
  worker.spinning_ = true;
  running_.fetch_add(1, std::memory_order_seq_cst);
  pthread_t thread{};
  const int failed = pthread_create(
      &thread, nullptr,
      [](void* self) -> void* {
        static_cast<Worker*>(self)->run();
        return nullptr;
      },
      &worker);
  if (failed == 0) {
    pthread_detach(thread);
    return true;
  }
  running_.fetch_sub(1, std::memory_order_seq_cst);
  worker.has_thread_.store(false, std::memory_order_relaxed);
  tried_thread_.store(ticks(), std::memory_order_relaxed);
  without_thread_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// Now and then, for the system may have room by now; a try that fails takes 10 us.
bool Scheduler::try_thread_again() noexcept {
  constexpr Ticks kBetweenTries = 300'000'000;  // 100 ms or so
  if (ticks() - tried_thread_.load(std::memory_order_relaxed) < kBetweenTries) return false;
  const std::uint32_t count = std::min(procs(), workers_started_.load(std::memory_order_acquire));
  for (std::uint32_t i = 0; i < count; ++i) {
    Worker* const worker = workers_[i].load(std::memory_order_acquire);
    if (worker != nullptr && !worker->has_thread_.load(std::memory_order_relaxed)) return give_thread(*worker);
  }
  return false;
}

Worker* Scheduler::pop_idle() noexcept {
  const SpinGuard held(idle_lock_);
  Worker* worker = idle_;
  if (worker != nullptr) {
    idle_ = worker->next_idle_;
  } else {
    worker = keeper_.load(std::memory_order_relaxed);
    if (worker == nullptr) return nullptr;
    keeper_.store(nullptr, std::memory_order_relaxed);
    watching_.store(false, std::memory_order_seq_cst);
    grant_all_put_off();
  }
  worker->is_idle_ = false;
  running_.fetch_add(1, std::memory_order_seq_cst);
  return worker;
}

// The worker itself stops being idle, unless somebody else has popped it just now. A keeper's role goes to another.
bool Scheduler::leave_idle(Worker& worker) noexcept {
  const SpinGuard held(idle_lock_);
  if (!worker.is_idle_) return false;
  if (keeper_.load(std::memory_order_relaxed) == &worker) {
    Worker* const heir = idle_;
    if (heir != nullptr) idle_ = heir->next_idle_;
    watching_.store(false, std::memory_order_seq_cst);
    grant_all_put_off();
    keeper_.store(heir, std::memory_order_relaxed);
    if (heir != nullptr) {
      heir->wake_word_.store(Worker::kLookAgain, std::memory_order_release);
      futex_wake(heir->wake_word_, 1);
    }
  } else {
    Worker** link = &idle_;
    while (*link != &worker) link = &(*link)->next_idle_;
    *link = worker.next_idle_;
  }
  worker.is_idle_ = false;
  running_.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

void Scheduler::grant(Worker& worker) noexcept {
  // release: pairs with the acquire in sleep(); spinning_ was set for the worker.
  worker.granted_at_ = ticks();
  worker.wake_word_.store(Worker::kGranted, std::memory_order_release);
  futex_wake(worker.wake_word_, 1);
}

void Scheduler::poke_keeper() noexcept {
  const SpinGuard held(idle_lock_);
  Worker* const keeper = keeper_.load(std::memory_order_relaxed);
  if (keeper == nullptr) return;
  // Watched from now on, so that one poke is enough; it looks itself, once it is awake, whether that is needed.
  if (running_.load(std::memory_order_relaxed) > 0) watching_.store(true, std::memory_order_relaxed);
  keeper->wake_word_.store(Worker::kLookAgain,
                           std::memory_order_release);  // it is idle: nobody has granted it anything
  futex_wake(keeper->wake_word_, 1);
}

void Scheduler::timer_added(std::uint64_t deadline_ns) noexcept {
  if (is_choosing()) [[unlikely]]
    return turns().timer_added();
  // seq_cst fence: the heap's earliest() was stored, keeper_until_ is read; the keeper does the reverse.
  full_fence();
  const Worker* const keeper = keeper_.load(std::memory_order_relaxed);
  if (keeper == nullptr) {
    // All are awake, and look at the timers before they sleep; unless there is none yet, for a plain thread may set a
    // timer before the first task.
    if (workers_started_.load(std::memory_order_relaxed) == 0) wake_one();
    return;
  }
  const std::uint64_t until = keeper_until_.load(std::memory_order_relaxed);
  if (until == kNoDeadline || deadline_ns < until) poke_keeper();
}

// ---- the number of workers ---------------------------------------------------------------------------------------

std::uint32_t Scheduler::procs() noexcept {
  const std::uint32_t known = procs_.load(std::memory_order_relaxed);
  if (known != 0) [[likely]]
    return known;
  std::uint32_t unknown = 0;
  procs_.compare_exchange_strong(unknown, static_cast<std::uint32_t>(first_procs()), std::memory_order_relaxed);
  return procs_.load(std::memory_order_relaxed);
}

std::uint32_t Scheduler::max_procs() noexcept { return procs(); }

int Scheduler::set_max_procs(int n) noexcept {
  std::uint32_t before = 0;
  {
    const SpinGuard alone(procs_lock_);
    if (wanted_procs_ == 0) wanted_procs_ = procs();
    before = is_choosing() ? told_procs_.load(std::memory_order_relaxed) : wanted_procs_;
    if (n < 1) return static_cast<int>(before);
    const std::uint32_t wanted = std::min<std::uint32_t>(static_cast<std::uint32_t>(n), kMaxWorkers);
    if (is_choosing()) {
      told_procs_.store(wanted, std::memory_order_relaxed);
      return static_cast<int>(before);
    }
    wanted_procs_ = wanted;
    apply_procs_locked();
  }
  wake_one();
  return static_cast<int>(before);
}

void Scheduler::stand_in_for(Worker& worker) noexcept {
  {
    const SpinGuard alone(procs_lock_);
    if ((worker.stop.load(std::memory_order_relaxed) & ThreadRecord::kStandIn) == 0) {
      if (wanted_procs_ == 0) wanted_procs_ = procs();
      worker.stop.fetch_or(ThreadRecord::kStandIn, std::memory_order_relaxed);
      ++stand_ins_;
      apply_procs_locked();
    }
  }
  wake_one();
}

void Scheduler::end_stand_in(Worker& worker) noexcept {
  const SpinGuard alone(procs_lock_);
  worker.stop.fetch_and(~ThreadRecord::kStandIn, std::memory_order_relaxed);
  --stand_ins_;
  apply_procs_locked();
}

void Scheduler::apply_procs_locked() noexcept {
  const std::uint32_t wanted = std::min(wanted_procs_ + stand_ins_, kMaxWorkers);
  procs_.store(wanted, std::memory_order_seq_cst);
  const std::uint32_t started = workers_started_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < started; ++i) {
    Worker* const worker = workers_[i].load(std::memory_order_acquire);
    if (worker == nullptr) continue;  // being started by another thread; it will compare its index itself
    if (i >= wanted) {
      worker->stop.fetch_or(ThreadRecord::kRetire, std::memory_order_relaxed);
      if (leave_idle(*worker)) grant(*worker);  // so that it retires, and no wake-up is spent on it
      continue;
    }
    worker->stop.fetch_and(~ThreadRecord::kRetire, std::memory_order_relaxed);
    const SpinGuard held(idle_lock_);
    if (!worker->is_retired_) continue;
    worker->is_retired_ = false;
    running_.fetch_add(1, std::memory_order_seq_cst);
    grant(*worker);
  }
}

}  // namespace vigil::detail
