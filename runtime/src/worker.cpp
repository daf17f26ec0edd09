#include "runtime/src/worker.hpp"

#include <array>

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "runtime/src/fork.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/stack_overflow.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

constexpr std::uint32_t kLongestStreak = 64;  // hand-offs in a row before the queue's first task gets its turn

void check_stack(const Task& task) noexcept {
  if (task.guard == GuardKind::Canary && overran(task)) [[unlikely]]
    die_of_overflow(task);
}

}  // namespace

void Worker::arrived(SavedContext left) noexcept {
  (left_ != nullptr ? left_->context : loop_) = left;
  if (after_.run != nullptr) after_.run(after_.what);
}

void Worker::start_running(Task& task) noexcept {
  task.move_to(TaskState::Running);
  actor = &task;
  switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  vigil_probe_task_switch(&task.probe);
}

void Worker::will_leave(Task& task, AfterSwitch after) noexcept {
  left_ = &task;
  after_ = after;
}

// All of a park is one function, so that the probe needs no register saved that the switch does not need anyway.
Worker& Worker::park(Worker& worker, Task& task, AfterSwitch after) noexcept {
  worker.will_leave(task, after);
  vigil_probe_park(&task.probe, &task.wait);
  task.move_to(TaskState::Parked);
  worker.parks.add_one();
  return switch_away(worker, task);
}

Worker& Worker::step_aside(Worker& worker, Task& task, AfterSwitch after) noexcept {
  worker.will_leave(task, after);
  return switch_away(worker, task);
}

Worker& Worker::switch_away(Worker& worker, Task& task) noexcept {
  check_stack(task);
  task.exceptions = *worker.exceptions_;
  Arrival arrival{};
  if (Task* const next = worker.pick_or_look_around(); next != nullptr) {
    worker.start_running(*next);
    task.sanitizer.leave_for(next->sanitizer, false);
    arrival = jump_to(next->context, &worker);
  } else {
    worker.actor = nullptr;
    vigil_probe_task_switch(nullptr);
    task.sanitizer.leave_for(worker.sanitizer_, false);
    arrival = jump_to(worker.loop_, &worker);
  }
  // Perhaps on another thread: `worker` and everything thread-local from above is history.
  Worker& now = *static_cast<Worker*>(arrival.data);
  task.sanitizer.arrive();
  now.arrived(arrival.fctx);
  *now.exceptions_ = task.exceptions;
  return now;
}

void Worker::end(Worker& worker, Task& task) noexcept {
  check_stack(task);
  worker.will_leave(task, {[](void* ended) noexcept {
                             Worker& here = *this_thread().worker;
                             scheduler().stacks.give_back(here.stacks, *static_cast<Task*>(ended));
                           },
                           &task});
  if (Task* const next = worker.pick_or_look_around(); next != nullptr) {
    worker.start_running(*next);
    task.sanitizer.leave_for(next->sanitizer, true);
    jump_to(next->context, &worker);
  } else {
    worker.actor = nullptr;
    vigil_probe_task_switch(nullptr);
    task.sanitizer.leave_for(worker.sanitizer_, true);
    jump_to(worker.loop_, &worker);
  }
  __builtin_unreachable();
}

void Worker::arrive_first(Worker& worker, Task& task, Arrival from) noexcept {
  task.sanitizer.arrive();
  worker.arrived(from.fctx);
  *worker.exceptions_ = {};
}

void Worker::run_task(Task& task) noexcept {
  left_ = nullptr;
  after_ = {};
  start_running(task);
  sanitizer_.leave_for(task.sanitizer, false);
  const Arrival arrival =
      jump_to(task.context, this);  // back on this thread always: only its own worker jumps to a loop
  sanitizer_.arrive();
  arrived(arrival.fctx);
}

bool Worker::put_next(Task& task) noexcept {
  Task* const before = run_next_.load(std::memory_order_relaxed);
  run_next_.store(&task, std::memory_order_relaxed);
  if (before == nullptr) return false;
  put_last(*before);
  return true;
}

void Worker::put_last(Task& task) noexcept {
  while (!queue_.push(task)) {
    std::array<Task*, RunQueue::kSlots / 2 + 1> surplus;
    if (!queue_.take_half(surplus.data())) continue;
    surplus.back() = &task;
    scheduler().global_.push(surplus);
    return;
  }
}

void Worker::grant_put_off() noexcept {
  if (put_off_.load(std::memory_order_relaxed) == nullptr) return;
  // seq_cst: with watching_, see Scheduler::put_off().
  if (PlainThread* const thread = put_off_.exchange(nullptr, std::memory_order_seq_cst); thread != nullptr)
    grant(*thread);
}

// A switch is a good moment to tell a thread that was put off a while ago. Processors count 1 to 5 of these a
// nanosecond, and this need not be exact.
bool Worker::put_off_for_long() const noexcept {
  constexpr std::uint64_t kLong = 30'000;
  return put_off_.load(std::memory_order_relaxed) != nullptr && ticks() - put_off_since_ > kLong;
}

Task* Worker::pick_or_look_around() noexcept {
  if (time_to_look_around() || stop.load(std::memory_order_relaxed) != 0 || put_off_for_long()) [[unlikely]]
    return nullptr;
  return pick_local();
}

Task* Worker::pick_local() noexcept {
  if (Task* const next = run_next_.load(std::memory_order_relaxed); next != nullptr) {
    run_next_.store(nullptr, std::memory_order_relaxed);
    if (++streak_ < kLongestStreak || queue_.empty()) return next;
    put_last(*next);  // two tasks that hand each other the processor must not starve the rest
  }
  streak_ = 0;
  Task* const first = queue_.pop();
  // Where many wait, each has long left the caches: the next one's block is fetched while this one runs.
  if (const Task* const second = queue_.peek(); second != nullptr) prefetch(*second);
  return first;
}

Task* Worker::look_everywhere() noexcept {
  Scheduler& all = scheduler();
  if (tick_ >= kLookAroundEvery) {
    tick_ = 0;
    all.fire_timers(*this);
    if (Task* const task = all.pop_global(*this); task != nullptr) return task;
  }
  if (Task* const task = pick_local(); task != nullptr) return task;
  all.fire_timers(*this);
  if (Task* const task = pick_local(); task != nullptr) return task;
  if (Task* const task = all.pop_global(*this); task != nullptr) return task;
  return steal();
}

// Takes tasks from others that have waited for kRipe. What a worker will get round to sooner is better left to it:
// bringing a task and all it touches to another processor costs about as much, and what it shares with those it leaves
// behind goes back and forth from then on.
Task* Worker::steal() noexcept {
  constexpr Ticks kAlways = kRipe + 5'000;  // of looking; more when the last sleep was short
  constexpr int kRelax = 8;                 // pauses between rounds
  Scheduler& all = scheduler();
  if (!spinning_) {
    // No more than half of the busy ones may be looking (as Go): looking takes cache lines away from those that work.
    if (2 * all.spinning_.load(std::memory_order_relaxed) >= all.running_.load(std::memory_order_relaxed))
      return nullptr;
    spinning_ = true;
    all.spinning_.fetch_add(1, std::memory_order_seq_cst);
  }
  struct Look {
    std::uint32_t put;
    Ticks at;  // 0: it was empty
  };
  std::array<Look, Scheduler::kMaxWorkers> first_looks;  // of a victim's queue, when its first task there was seen
  std::uint32_t known = 0;
  bool saw_unripe = false;
  const Ticks limit = slept_shortly_ ? all.patience.limit() : kAlways;
  const Ticks begin = ticks();
  for (Ticks now = begin; now - begin < limit; now = ticks()) {
    const std::uint32_t count = all.workers_started_.load(std::memory_order_acquire);
    const std::uint32_t start = random_below(count);
    for (; known < count; ++known) first_looks[known] = {0, 0};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t at = (start + i) % count;
      Worker* const victim = all.workers_[at].load(std::memory_order_acquire);
      if (victim == nullptr || victim == this || victim->queue_.empty()) continue;
      Look& look = first_looks[at];
      if (look.at == 0 || victim->queue_.passed(look.put)) {
        look = {victim->queue_.put(), now};
        saw_unripe = true;
      } else if (now - look.at >= kRipe) {
        if (Task* const task = queue_.steal_half(victim->queue_); task != nullptr) {
          all.lazy_.store(false, std::memory_order_relaxed);
          return task;
        }
      }
    }
    if (all.stacks.warm_ahead()) continue;
    if (now - begin > Patience::kPolite) sched_yield();  // what we wait for may wait for this processor
    for (int i = 0; i < kRelax; ++i) {
      if (!all.global_.empty())
        if (Task* const task = all.pop_global(*this); task != nullptr) return task;
      cpu_relax();
    }
    if (stop.load(std::memory_order_relaxed) != 0) return nullptr;
  }
  if (saw_unripe || was_woken_) all.lazy_.store(true, std::memory_order_relaxed);
  return nullptr;
}

// Go interrupts a goroutine after 10 ms for others to run. A task cannot be interrupted anywhere (it may hold a
// std::mutex, which belongs to its thread), so another worker stands in until this one schedules again.
void Worker::look_at_long_run() noexcept {
  constexpr Ticks kLong = 30'000'000;  // 10 ms or so
  Scheduler& all = scheduler();
  const std::uint32_t switches = switches_.load(std::memory_order_relaxed);
  const bool same_task = switches == long_run_.switches;
  const bool others_wait = run_next_.load(std::memory_order_relaxed) != nullptr ||
                           (!queue_.empty() && !queue_.passed(long_run_.put)) ||
                           (!all.global_.empty() && all.global_.taken() == long_run_.taken) || all.a_timer_is_due();
  const Ticks now = ticks();
  if (!same_task || !others_wait) {
    long_run_ = {now, switches, queue_.put(), all.global_.taken()};
  } else if (now - long_run_.since > kLong) {
    long_run_.since = now;
    if (Task* const next = run_next_.load(std::memory_order_relaxed); next != nullptr) {
      run_next_.store(nullptr, std::memory_order_relaxed);
      put_last(*next);  // where the other worker can steal it
    }
    all.stand_in_for(*this);
  }
}

void ThreadRecord::look_at_long_run() noexcept {
  if (worker == nullptr || (stop.load(std::memory_order_relaxed) & (kChoosing | kForked)) != 0) return;
  const bool is_inside = busy.load(std::memory_order_relaxed) != 0;
  if (!is_inside) enter_quietly();
  worker->look_at_long_run();
  if (!is_inside) leave();
}

void Worker::give_away() noexcept {
  while (Task* const task = pick_local()) {
    Task* const one[] = {task};
    scheduler().global_.push(one);
  }
}

Task* Worker::find_work() noexcept {
  Scheduler& all = scheduler();
  refuse_to_wait_in_child();
  for (;;) {
    const std::uint32_t stops = stop.load(std::memory_order_relaxed);
    if ((stops & (kPaused | kClaimed)) != 0) {
      leave();
      enter();
    }
    if ((stops & kChoosing) != 0) return &turns().next_task(*this);
    grant_put_off();
    if ((stops & kStandIn) != 0) all.end_stand_in(*this);
    if ((stops & kRetire) != 0) all.retire(*this);
    const bool rests = all.one_should_rest();
    Task* task = nullptr;
    if (rests) [[unlikely]]
      give_away();
    else
      task = look_everywhere();
    if (task == nullptr) {
      grant_put_off();  // a timer that has fired may have woken one
      was_woken_ = false;
      const Ticks since = ticks();
      granted_at_ = 0;
      task = all.sleep(*this, rests);
      slept_shortly_ = granted_at_ != 0 && granted_at_ - since < all.patience.limit();
      if (granted_at_ != 0) all.patience.woken(granted_at_);
    }
    if (task == nullptr) continue;
    was_woken_ = false;
    all.stop_spinning(*this);
    return task;
  }
}

void Worker::run() noexcept {
  vigil_probe_worker_start();
  pthread_setname_np(pthread_self(), "vigil-worker");
  become_worker_thread(*this);
  // The kernel may otherwise let a sleeper oversleep by 50 us, and all timers are kept by sleeping workers.
  ::prctl(PR_SET_TIMERSLACK, 1000UL /* ns */, 0, 0, 0);
  exceptions_ = exception_state_of_this_thread();
  const ThreadStack stack = prepare_thread_for_overflow();
  sanitizer_.adopt_thread(stack.low, stack.bytes);
  if (stack.low != nullptr) {
    loop_low_ = stack.low;
    loop_high_.store(__builtin_frame_address(0), std::memory_order_release);  // pairs with loop_stack()
  }
  random_state = now_ns() ^ (std::uint64_t{index_ + 1} << 32);
  enter();
  for (;;) run_task(*find_work());
}

}  // namespace vigil::detail
