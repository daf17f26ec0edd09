// OpenMP as g++ compiles it: calls of libgomp, whose own atomics and system calls nobody sees. What the standard says
// of them is that the code before a parallel region comes before all of it and all of it before the code behind it, and
// likewise for barriers, critical and ordered parts, locks, and a task and those who wait for it. Instrumented modules'
// calls get here when they arrive, those of others where libgomp is there from the start (openmp_modules.hpp).
//
// Critical parts and locks of OpenMP are in the order without locks, too: the graph of locks does not know them, so
// that it cannot see that whoever holds one is alone.
//
// The regions of all teams are one, and so are their barriers and tasks: a task that waits for another comes after all
// that have ended; so are the iterations that others wait for. That may be more order than there is. Not followed is
// clang's libomp.
#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "interpose/instrumented_code.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim {
namespace {

using Body = void (*)(void*);

// Each stands for what all that it names have done.
struct Meeting {
  char place = 0;
  void gives() const noexcept {
    if (sync_events::watching()) sync_events::released(&place);
  }
  void takes() const noexcept {
    if (sync_events::watching()) sync_events::acquired(&place);
  }
};
constinit Meeting region_begins;
constinit Meeting region_ends;
constinit Meeting barrier;
constinit Meeting single_copy;
constinit Meeting ordered;
constinit Meeting iterations;
constinit Meeting critical;
constinit Meeting atomic_part;
constinit Meeting task_begins;
constinit Meeting task_ends;

// ---- regions -------------------------------------------------------------------------------------------------------

// On the stack of whoever begins the region, which ends before that returns. What lies before `body` libgomp knows:
// where a region with reductions of its tasks keeps them.
struct Region {
  void* reductions;
  Body body;
  void* data;
};
void run_region(void* given) {
  const Region& region = *static_cast<const Region*>(given);
  region_begins.takes();
  region.body(region.data);
  region_ends.gives();
}
template <class Begin>
void in_region(Body body, void* data, Begin&& begin, void* reductions = nullptr) {
  Region region{reductions, body, data};
  region_begins.gives();
  begin(&run_region, &region);
  region_ends.takes();
  task_ends.takes();  // those that were run at the region's last barrier
}

void (*real_parallel)(Body, void*, unsigned, unsigned) = nullptr;
void my_parallel(Body body, void* data, unsigned threads, unsigned flags) {
  in_region(body, data, [&](Body run, void* region) { real_parallel(run, region, threads, flags); });
}
unsigned (*real_parallel_reductions)(Body, void*, unsigned, unsigned) = nullptr;
unsigned my_parallel_reductions(Body body, void* data, unsigned threads, unsigned flags) {
  unsigned result = 0;
  in_region(
      body, data, [&](Body run, void* region) { result = real_parallel_reductions(run, region, threads, flags); },
      *static_cast<void**>(data));
  return result;
}
void (*real_parallel_sections)(Body, void*, unsigned, unsigned, unsigned) = nullptr;
void my_parallel_sections(Body body, void* data, unsigned threads, unsigned count, unsigned flags) {
  in_region(body, data, [&](Body run, void* region) { real_parallel_sections(run, region, threads, count, flags); });
}

// Loops of each schedule that a size of pieces is given for, and of those that have none.
enum class Loop : std::uint8_t { Static, Dynamic, Guided, NonmonotonicDynamic, NonmonotonicGuided };
using ParallelLoop = void(Body, void*, unsigned, long, long, long, long, unsigned);
template <Loop kLoop>
ParallelLoop* real_loop = nullptr;
template <Loop kLoop>
void my_loop(Body body, void* data, unsigned threads, long first, long end, long step, long piece, unsigned flags) {
  in_region(body, data,
            [&](Body run, void* region) { real_loop<kLoop>(run, region, threads, first, end, step, piece, flags); });
}
enum class Runtime : std::uint8_t { Plain, Nonmonotonic, Maybe };
using RuntimeLoop = void(Body, void*, unsigned, long, long, long, unsigned);
template <Runtime kLoop>
RuntimeLoop* real_runtime_loop = nullptr;
template <Runtime kLoop>
void my_runtime_loop(Body body, void* data, unsigned threads, long first, long end, long step, unsigned flags) {
  in_region(body, data,
            [&](Body run, void* region) { real_runtime_loop<kLoop>(run, region, threads, first, end, step, flags); });
}

// ---- barriers and parts that one runs at a time
// ------------------------------------------------------------------------

enum class Meet : std::uint8_t { Barrier, LoopEnd, SectionsEnd };
template <Meet kWhere>
void (*real_meet)() = nullptr;
// A barrier runs tasks that nobody has begun yet, and all are over behind it.
template <Meet kWhere>
void my_meet() {
  barrier.gives();
  real_meet<kWhere>();
  barrier.takes();
  task_ends.takes();
}

// The same in regions that may be cancelled: whether they were.
template <Meet kWhere>
bool (*real_meet_or_cancel)() = nullptr;
template <Meet kWhere>
bool my_meet_or_cancel() {
  barrier.gives();
  const bool cancelled = real_meet_or_cancel<kWhere>();
  barrier.takes();
  task_ends.takes();
  return cancelled;
}

// A loop in which an iteration waits for others, by as many numbers as it has dimensions: what there may be is passed
// on, whatever the loop takes.
constexpr std::size_t kMostDimensions = 16;
template <class Number>
void (*real_post)(Number*) = nullptr;
template <class Number>
void my_post(Number* iteration) {
  iterations.gives();
  real_post<Number>(iteration);
}
template <class Number>
void (*real_wait_for)(Number, ...) = nullptr;
template <class Number>
void my_wait_for(Number first, ...) {
  std::array<Number, kMostDimensions - 1> rest;
  va_list given;
  va_start(given, first);
  for (Number& one : rest) one = va_arg(given, Number);
  va_end(given);
  std::apply([&](auto... others) { real_wait_for<Number>(first, others...); }, rest);
  iterations.takes();
}

using Step = void();
enum class Part : std::uint8_t { Critical, Atomic, Ordered };
template <Part kPart>
Step* real_begin = nullptr;
template <Part kPart>
Step* real_end = nullptr;
template <Part kPart>
constexpr const Meeting& meeting_of() noexcept {
  return kPart == Part::Critical ? critical : kPart == Part::Atomic ? atomic_part : ordered;
}
template <Part kPart>
void my_begin() {
  real_begin<kPart>();
  meeting_of<kPart>().takes();
}
template <Part kPart>
void my_end() {
  meeting_of<kPart>().gives();
  real_end<kPart>();
}

void took(const void* lock) noexcept {
  if (sync_events::watching()) sync_events::acquired(lock);
}
void gives_back(const void* lock) noexcept {
  if (sync_events::watching()) sync_events::released(lock);
}
// Named critical parts, and OpenMP's locks: known by their address.
enum class Lock : std::uint8_t { Critical, Simple, Nested };
template <Lock kLock>
void (*real_lock)(void*) = nullptr;
template <Lock kLock>
void (*real_unlock)(void*) = nullptr;
template <Lock kLock>
int (*real_try)(void*) = nullptr;
template <Lock kLock>
void my_lock(void* lock) {
  real_lock<kLock>(lock);
  took(lock);
}
template <Lock kLock>
void my_unlock(void* lock) {
  gives_back(lock);
  real_unlock<kLock>(lock);
}
template <Lock kLock>
int my_try(void* lock) {
  const int got = real_try<kLock>(lock);
  if (got != 0) took(lock);
  return got;
}

void* (*real_single_copy_start)() = nullptr;
void* my_single_copy_start() {
  void* const copied = real_single_copy_start();
  if (copied != nullptr) single_copy.takes();
  return copied;
}
void (*real_single_copy_end)(void*) = nullptr;
void my_single_copy_end(void* data) {
  single_copy.gives();
  real_single_copy_end(data);
}

// ---- tasks ---------------------------------------------------------------------------------------------------------

// What a task is given, in place of its own data, which lie behind it, as aligned as they want it: so that it begins by
// our own function.
struct TaskStart {
  Body body;
  void* data;
  std::size_t bytes;  // of the whole block
  bool after_others;  // it waits for tasks
};

TaskStart* make_start(Body body, std::size_t bytes, std::size_t alignment, bool after_others) noexcept {
  const InsideGuard inside;
  constexpr std::size_t kOwnAlignment = 16;
  const std::size_t align = alignment < kOwnAlignment ? kOwnAlignment : alignment;
  const std::size_t whole = sizeof(TaskStart) + align + bytes;
  auto* const start = static_cast<TaskStart*>(own_allocate(whole));
  const std::uintptr_t behind = reinterpret_cast<std::uintptr_t>(start + 1);
  const std::uintptr_t data = (behind + align - 1) / align * align;
  *start = {body, reinterpret_cast<void*>(data), whole, after_others};
  return start;
}
void free_start(TaskStart* start) noexcept {
  const InsideGuard inside;
  own_free(start, start->bytes);
}

void run(TaskStart* start) {
  task_begins.takes();
  if (start->after_others) task_ends.takes();
  start->body(start->data);
  task_ends.gives();
  free_start(start);
}

void run_task(void* given) { run(static_cast<TaskStart*>(*static_cast<void**>(given))); }

// One that ends when its event is fulfilled, too: libgomp puts the event where its data begin.
struct DetachedTask {
  void* event;
  TaskStart* start;
};
void run_detached_task(void* given) {
  const DetachedTask& task = *static_cast<const DetachedTask*>(given);
  *static_cast<void**>(task.start->data) = task.event;
  run(task.start);
}

using MakeTask = void(Body, void*, void (*)(void*, void*), long, long, bool, unsigned, void**, int, void*);
MakeTask* real_task = nullptr;
void my_task(Body body, void* data, void (*copy)(void*, void*), long bytes, long alignment, bool deferred,
             unsigned flags, void** depend, int priority, void* detach) {
  constexpr unsigned kDetach = 1U << 13U;
  const auto size = static_cast<std::size_t>(bytes);
  TaskStart* const start = make_start(body, size, static_cast<std::size_t>(alignment), depend != nullptr);
  race::forget(reinterpret_cast<std::uintptr_t>(start->data), size);  // another task's were there
  if (copy != nullptr) {
    copy(start->data, data);
  } else if (size != 0) {
    std::memcpy(start->data, data, size);
  }
  task_begins.gives();
  if ((flags & kDetach) != 0 && size >= sizeof(void*)) {
    DetachedTask given{nullptr, start};
    return real_task(run_detached_task, &given, nullptr, sizeof(given), alignof(DetachedTask), deferred, flags, depend,
                     priority, detach);
  }
  void* given = start;
  real_task(run_task, &given, nullptr, sizeof(given), alignof(void*), deferred, flags, depend, priority, detach);
}

enum class Wait : std::uint8_t { Task, Group };
template <Wait kFor>
void (*real_wait)() = nullptr;
template <Wait kFor>
void my_wait() {
  real_wait<kFor>();
  task_ends.takes();
}

void (*real_fulfill)(void*) = nullptr;
void my_fulfill(void* event) {
  task_ends.gives();
  real_fulfill(event);
}
void (*real_wait_for_others)(void**) = nullptr;
void my_wait_for_others(void** depend) {
  real_wait_for_others(depend);
  task_ends.takes();
}

// What each task of a loop is given, a copy of its own, with the loop's data behind it. What lies before `body` libgomp
// knows: the bounds that it writes, and where reductions are kept.
struct LoopTask {
  std::array<long, 2> bounds;
  void* reductions;
  Body body;
  void (*copy)(void*, void*);
  void* data;  // of whoever made the loop, to be copied
  std::size_t bytes;
  std::size_t offset;  // of the copy
};
void* copy_in(LoopTask* task) noexcept { return reinterpret_cast<char*>(task) + task->offset; }

void copy_loop_task(void* to, void* from) {
  auto* const task = static_cast<LoopTask*>(to);
  *task = *static_cast<const LoopTask*>(from);
  void* const data = copy_in(task);
  race::forget(reinterpret_cast<std::uintptr_t>(data), task->bytes);  // another task's were there
  if (task->copy != nullptr) {
    task->copy(data, task->data);
  } else {
    std::memcpy(data, task->data, task->bytes);
  }
  task_begins.gives();
}
void run_loop_task(void* given) {
  auto* const task = static_cast<LoopTask*>(given);
  void* const data = copy_in(task);
  std::memcpy(data, task->bounds.data(), sizeof(task->bounds));
  task_begins.takes();
  task->body(data);
  task_ends.gives();
}

template <class Number>
using TaskLoop = void(Body, void*, void (*)(void*, void*), long, long, unsigned, unsigned long, int, Number, Number,
                      Number);
template <class Number>
TaskLoop<Number>* real_taskloop = nullptr;
template <class Number>
void my_taskloop(Body body, void* data, void (*copy)(void*, void*), long bytes, long alignment, unsigned flags,
                 unsigned long tasks, int priority, Number first, Number end, Number step) {
  constexpr unsigned kNoGroup = 1U << 11U;
  constexpr unsigned kReduction = 1U << 12U;
  const std::size_t align = std::max(static_cast<std::size_t>(alignment), alignof(std::max_align_t));
  const auto aligned = [&](std::size_t size) { return (size + align - 1) / align * align; };
  const auto size = static_cast<std::size_t>(bytes);
  LoopTask task{{}, nullptr, body, copy, data, size, aligned(sizeof(LoopTask))};
  if ((flags & kReduction) != 0) task.reductions = static_cast<const LoopTask*>(data)->reductions;
  real_taskloop<Number>(run_loop_task, &task, copy_loop_task, static_cast<long>(task.offset + aligned(size)),
                        static_cast<long>(align), flags, tasks, priority, first, end, step);
  if ((flags & kNoGroup) == 0) task_ends.takes();
}

const Replacement kOpenMp[] = {
    {"GOMP_parallel", reinterpret_cast<void*>(my_parallel), reinterpret_cast<void**>(&real_parallel)},
    {"GOMP_parallel_reductions", reinterpret_cast<void*>(my_parallel_reductions),
     reinterpret_cast<void**>(&real_parallel_reductions)},
    {"GOMP_parallel_sections", reinterpret_cast<void*>(my_parallel_sections),
     reinterpret_cast<void**>(&real_parallel_sections)},
    {"GOMP_parallel_loop_static", reinterpret_cast<void*>(my_loop<Loop::Static>),
     reinterpret_cast<void**>(&real_loop<Loop::Static>)},
    {"GOMP_parallel_loop_dynamic", reinterpret_cast<void*>(my_loop<Loop::Dynamic>),
     reinterpret_cast<void**>(&real_loop<Loop::Dynamic>)},
    {"GOMP_parallel_loop_guided", reinterpret_cast<void*>(my_loop<Loop::Guided>),
     reinterpret_cast<void**>(&real_loop<Loop::Guided>)},
    {"GOMP_parallel_loop_nonmonotonic_dynamic", reinterpret_cast<void*>(my_loop<Loop::NonmonotonicDynamic>),
     reinterpret_cast<void**>(&real_loop<Loop::NonmonotonicDynamic>)},
    {"GOMP_parallel_loop_nonmonotonic_guided", reinterpret_cast<void*>(my_loop<Loop::NonmonotonicGuided>),
     reinterpret_cast<void**>(&real_loop<Loop::NonmonotonicGuided>)},
    {"GOMP_parallel_loop_runtime", reinterpret_cast<void*>(my_runtime_loop<Runtime::Plain>),
     reinterpret_cast<void**>(&real_runtime_loop<Runtime::Plain>)},
    {"GOMP_parallel_loop_nonmonotonic_runtime", reinterpret_cast<void*>(my_runtime_loop<Runtime::Nonmonotonic>),
     reinterpret_cast<void**>(&real_runtime_loop<Runtime::Nonmonotonic>)},
    {"GOMP_parallel_loop_maybe_nonmonotonic_runtime", reinterpret_cast<void*>(my_runtime_loop<Runtime::Maybe>),
     reinterpret_cast<void**>(&real_runtime_loop<Runtime::Maybe>)},
    {"GOMP_barrier", reinterpret_cast<void*>(my_meet<Meet::Barrier>),
     reinterpret_cast<void**>(&real_meet<Meet::Barrier>)},
    {"GOMP_loop_end", reinterpret_cast<void*>(my_meet<Meet::LoopEnd>),
     reinterpret_cast<void**>(&real_meet<Meet::LoopEnd>)},
    {"GOMP_sections_end", reinterpret_cast<void*>(my_meet<Meet::SectionsEnd>),
     reinterpret_cast<void**>(&real_meet<Meet::SectionsEnd>)},
    {"GOMP_barrier_cancel", reinterpret_cast<void*>(my_meet_or_cancel<Meet::Barrier>),
     reinterpret_cast<void**>(&real_meet_or_cancel<Meet::Barrier>)},
    {"GOMP_loop_end_cancel", reinterpret_cast<void*>(my_meet_or_cancel<Meet::LoopEnd>),
     reinterpret_cast<void**>(&real_meet_or_cancel<Meet::LoopEnd>)},
    {"GOMP_sections_end_cancel", reinterpret_cast<void*>(my_meet_or_cancel<Meet::SectionsEnd>),
     reinterpret_cast<void**>(&real_meet_or_cancel<Meet::SectionsEnd>)},
    {"GOMP_doacross_post", reinterpret_cast<void*>(my_post<long>), reinterpret_cast<void**>(&real_post<long>)},
    {"GOMP_doacross_wait", reinterpret_cast<void*>(my_wait_for<long>), reinterpret_cast<void**>(&real_wait_for<long>)},
    {"GOMP_doacross_ull_post", reinterpret_cast<void*>(my_post<unsigned long long>),
     reinterpret_cast<void**>(&real_post<unsigned long long>)},
    {"GOMP_doacross_ull_wait", reinterpret_cast<void*>(my_wait_for<unsigned long long>),
     reinterpret_cast<void**>(&real_wait_for<unsigned long long>)},
    {"GOMP_critical_start", reinterpret_cast<void*>(my_begin<Part::Critical>),
     reinterpret_cast<void**>(&real_begin<Part::Critical>)},
    {"GOMP_critical_end", reinterpret_cast<void*>(my_end<Part::Critical>),
     reinterpret_cast<void**>(&real_end<Part::Critical>)},
    {"GOMP_atomic_start", reinterpret_cast<void*>(my_begin<Part::Atomic>),
     reinterpret_cast<void**>(&real_begin<Part::Atomic>)},
    {"GOMP_atomic_end", reinterpret_cast<void*>(my_end<Part::Atomic>),
     reinterpret_cast<void**>(&real_end<Part::Atomic>)},
    {"GOMP_ordered_start", reinterpret_cast<void*>(my_begin<Part::Ordered>),
     reinterpret_cast<void**>(&real_begin<Part::Ordered>)},
    {"GOMP_ordered_end", reinterpret_cast<void*>(my_end<Part::Ordered>),
     reinterpret_cast<void**>(&real_end<Part::Ordered>)},
    {"GOMP_critical_name_start", reinterpret_cast<void*>(my_lock<Lock::Critical>),
     reinterpret_cast<void**>(&real_lock<Lock::Critical>)},
    {"GOMP_critical_name_end", reinterpret_cast<void*>(my_unlock<Lock::Critical>),
     reinterpret_cast<void**>(&real_unlock<Lock::Critical>)},
    {"omp_set_lock", reinterpret_cast<void*>(my_lock<Lock::Simple>),
     reinterpret_cast<void**>(&real_lock<Lock::Simple>)},
    {"omp_unset_lock", reinterpret_cast<void*>(my_unlock<Lock::Simple>),
     reinterpret_cast<void**>(&real_unlock<Lock::Simple>)},
    {"omp_test_lock", reinterpret_cast<void*>(my_try<Lock::Simple>), reinterpret_cast<void**>(&real_try<Lock::Simple>)},
    {"omp_set_nest_lock", reinterpret_cast<void*>(my_lock<Lock::Nested>),
     reinterpret_cast<void**>(&real_lock<Lock::Nested>)},
    {"omp_unset_nest_lock", reinterpret_cast<void*>(my_unlock<Lock::Nested>),
     reinterpret_cast<void**>(&real_unlock<Lock::Nested>)},
    {"omp_test_nest_lock", reinterpret_cast<void*>(my_try<Lock::Nested>),
     reinterpret_cast<void**>(&real_try<Lock::Nested>)},
    {"GOMP_single_copy_start", reinterpret_cast<void*>(my_single_copy_start),
     reinterpret_cast<void**>(&real_single_copy_start)},
    {"GOMP_single_copy_end", reinterpret_cast<void*>(my_single_copy_end),
     reinterpret_cast<void**>(&real_single_copy_end)},
    {"GOMP_task", reinterpret_cast<void*>(my_task), reinterpret_cast<void**>(&real_task)},
    {"omp_fulfill_event", reinterpret_cast<void*>(my_fulfill), reinterpret_cast<void**>(&real_fulfill)},
    {"GOMP_taskloop", reinterpret_cast<void*>(my_taskloop<long>), reinterpret_cast<void**>(&real_taskloop<long>)},
    {"GOMP_taskloop_ull", reinterpret_cast<void*>(my_taskloop<unsigned long long>),
     reinterpret_cast<void**>(&real_taskloop<unsigned long long>)},
    {"GOMP_taskwait_depend", reinterpret_cast<void*>(my_wait_for_others),
     reinterpret_cast<void**>(&real_wait_for_others)},
    {"GOMP_taskwait", reinterpret_cast<void*>(my_wait<Wait::Task>), reinterpret_cast<void**>(&real_wait<Wait::Task>)},
    {"GOMP_taskgroup_end", reinterpret_cast<void*>(my_wait<Wait::Group>),
     reinterpret_cast<void**>(&real_wait<Wait::Group>)},
};

}  // namespace

std::span<const Replacement> openmp_replacements() noexcept { return kOpenMp; }

}  // namespace vigil::shim
