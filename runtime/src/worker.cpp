#include "runtime/src/worker.hpp"

#include <array>

#include <pthread.h>
#include <sys/prctl.h>

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

Worker& Worker::park(Worker& worker, Task& task, AfterSwitch after) noexcept {
  check_stack(task);
  task.exceptions = *worker.exceptions_;
  worker.left_ = &task;
  worker.after_ = after;
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
  worker.left_ = &task;
  worker.after_ = {[](void* ended) noexcept {
                     Worker& here = *this_thread().worker;
                     scheduler().stacks.give_back(here.stacks, *static_cast<Task*>(ended));
                   },
                   &task};
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

Task* Worker::pick_or_look_around() noexcept {
  if (time_to_look_around() || stop.load(std::memory_order_relaxed) != 0) [[unlikely]]
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
  return queue_.pop();
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

Task* Worker::steal() noexcept {
  constexpr int kRounds = 16;
  constexpr int kRelax = 8;  // pauses between rounds: 5 us of looking in all, about what a futex wake-up would cost
  Scheduler& all = scheduler();
  if (!spinning_) {
    // No more than half of the busy ones may be looking (as Go): looking takes cache lines away from those that work.
    if (2 * all.spinning_.load(std::memory_order_relaxed) >= all.running_.load(std::memory_order_relaxed))
      return nullptr;
    spinning_ = true;
    all.spinning_.fetch_add(1, std::memory_order_seq_cst);
  }
  for (int round = 0; round < kRounds; ++round) {
    const std::uint32_t count = all.workers_started_.load(std::memory_order_acquire);
    const std::uint32_t start = random_below(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      Worker* const victim = all.workers_[(start + i) % count].load(std::memory_order_acquire);
      if (victim == nullptr || victim == this) continue;
      if (Task* const task = queue_.steal_half(victim->queue_); task != nullptr) return task;
    }
    if (!all.global_.empty())
      if (Task* const task = all.pop_global(*this); task != nullptr) return task;
    if (stop.load(std::memory_order_relaxed) != 0) return nullptr;
    for (int i = 0; i < kRelax; ++i) cpu_relax();
  }
  return nullptr;
}

Task* Worker::find_work() noexcept {
  Scheduler& all = scheduler();
  for (;;) {
    const std::uint32_t stops = stop.load(std::memory_order_relaxed);
    if ((stops & (kPaused | kClaimed)) != 0) {
      leave();
      enter();
    }
    if ((stops & kChoosing) != 0) return &turns().next_task(*this);
    if ((stops & kRetire) != 0) all.retire(*this);
    Task* task = look_everywhere();
    if (task == nullptr) task = all.sleep(*this);
    if (task == nullptr) continue;
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
  random_state = now_ns() ^ (std::uint64_t{index_ + 1} << 32);
  enter();
  for (;;) run_task(*find_work());
}

}  // namespace vigil::detail
