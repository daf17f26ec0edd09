// Making, starting and ending a task, and the public functions of task.hpp.
#include "vigil/task.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

#include <sched.h>

#include "runtime/src/closure_call.hpp"
#include "runtime/src/fork.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/task.hpp"

namespace vigil {
namespace detail {
namespace {

// Larger closures go to the heap, or little would be left of the stack.
constexpr std::size_t kMaxClosureBytes = std::size_t{16} * 1024;
constexpr std::size_t kMaxClosureAlignment = 4096;
constexpr std::size_t kStackAlignment = 64;

std::byte* align_down(std::byte* at, std::size_t alignment) noexcept {
  return at - reinterpret_cast<std::uintptr_t>(at) % alignment;
}

Worker* worker_of_this_thread() noexcept {
  const ThreadRecord* const self = this_thread_or_null();
  return self != nullptr ? self->worker : nullptr;
}

// The first and lowest frame of every task.
void task_main(Arrival from) noexcept {
  Worker& first = *static_cast<Worker*>(from.data);
  Task& task = task_of(*first.actor);
  Worker::arrive_first(first, task, from);
  first.leave();
  call_closure(task);
  if (task.closure_alignment != 0) ::operator delete (task.closure, std::align_val_t{task.closure_alignment});
  Worker& last = *this_thread().worker;
  last.enter_quietly();
  vigil_probe_task_end(&task.probe);
  task.move_to(TaskState::None);
  last.finished.add_one();
  Worker::end(last, task);
}

}  // namespace

NewTask::NewTask(std::size_t closure_bytes, std::size_t closure_alignment) {
  demand_own_workers();
  Worker* const worker = worker_of_this_thread();
  StackPool& stacks = scheduler().stacks;
  task_ = worker != nullptr ? stacks.take(worker->stacks) : stacks.take();
  if (task_ == nullptr) throw std::bad_alloc();
  if (closure_bytes <= kMaxClosureBytes && closure_alignment <= kMaxClosureAlignment) {
    closure_ = align_down(end_below(*task_) - closure_bytes, closure_alignment);
    task_->stack_top = align_down(static_cast<std::byte*>(closure_), kStackAlignment);
    task_->closure_alignment = 0;
  } else {
    task_->closure_alignment = closure_alignment;
    try {
      closure_ = ::operator new (closure_bytes, std::align_val_t{closure_alignment});
    } catch (...) {
      stacks.give_back(*task_);
      throw;
    }
    task_->stack_top = align_down(end_below(*task_), kStackAlignment);
  }
}

NewTask::~NewTask() {
  if (task_ == nullptr) return;
  if (task_->closure_alignment != 0) ::operator delete (closure_, std::align_val_t{task_->closure_alignment});
  Worker* const worker = worker_of_this_thread();
  if (worker != nullptr)
    scheduler().stacks.give_back(worker->stacks, *task_);
  else
    scheduler().stacks.give_back(*task_);
}

void NewTask::start(void (*run)(void* closure), std::uint32_t flags) noexcept {
  Task& task = *task_;
  task_ = nullptr;
  task.run = run;
  task.closure = closure_;
  const auto usable = static_cast<std::size_t>(task.stack_top - task.stack_low);
  task.context = make_context(task.stack_top, usable, &task_main);
  task.sanitizer.born(task.stack_low, static_cast<std::size_t>(task.stack_high - task.stack_low));
  scheduler().start_task(task, flags);
}

void sleep_ns(std::int64_t duration_ns) {
  if (duration_ns <= 0) return count_operation();
  Inside inside;
  Actor& actor = inside.actor();
  Race race;
  wait_for_object(actor, VIGIL_WAIT_SLEEP, nullptr);
  actor.wait.deadline_ns = deadline_after(duration_ns);
  park_until(inside, {[](void*) noexcept {}, nullptr}, race, actor.wait.deadline_ns);
}

}  // namespace detail

void yield() {
  const detail::ThreadRecord* const self = detail::this_thread_or_null();
  if (self != nullptr && self->worker != nullptr)
    detail::scheduler().yield();
  else
    sched_yield();
}

std::size_t task_count() noexcept {
  detail::count_operation();  // somebody may wait for the others by asking
  // Finished first: the difference may be a little high, never negative.
  const std::uint64_t finished = detail::scheduler().tasks_finished();
  return static_cast<std::size_t>(detail::scheduler().tasks_started() - finished);
}

TaskId task_id() noexcept {
  const detail::ThreadRecord* const self = detail::this_thread_or_null();
  return self != nullptr && self->worker != nullptr ? TaskId{self->actor->probe.id} : TaskId::None;
}

int set_max_procs(int n) {
  detail::count_operation();
  return detail::scheduler().set_max_procs(n);
}

}  // namespace vigil
