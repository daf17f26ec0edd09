// OpenMP as g++ compiles it: calls of libgomp, whose own atomics and system calls nobody sees. What the standard says
// of them is that the code before a parallel region comes before all of it and all of it before the code behind it, and
// likewise for barriers, critical and ordered parts, locks, and a task and those who wait for it.
//
// The regions of all teams are one, and so are their barriers and tasks: a task that waits for another comes after all
// that have ended. That may be more order than there is. Not followed are taskloop, tasks with `detach`, doacross
// loops, cancellation, and clang's libomp.
#include <cstddef>
#include <cstdint>
#include <cstring>
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
constinit Meeting critical;
constinit Meeting atomic_part;
constinit Meeting task_begins;
constinit Meeting task_ends;

// ---- regions -------------------------------------------------------------------------------------------------------

// On the stack of whoever begins the region, which ends before that returns.
struct Region {
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
void in_region(Body body, void* data, Begin&& begin) {
  Region region{body, data};
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
  in_region(body, data,
            [&](Body run, void* region) { result = real_parallel_reductions(run, region, threads, flags); });
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

void run_task(void* given) {
  auto* const start = static_cast<TaskStart*>(*static_cast<void**>(given));
  task_begins.takes();
  if (start->after_others) task_ends.takes();
  start->body(start->data);
  task_ends.gives();
  free_start(start);
}

using MakeTask = void(Body, void*, void (*)(void*, void*), long, long, bool, unsigned, void**, int, void*);
MakeTask* real_task = nullptr;
void my_task(Body body, void* data, void (*copy)(void*, void*), long bytes, long alignment, bool deferred,
             unsigned flags, void** depend, int priority, void* detach) {
  constexpr unsigned kDetach = 1U << 13U;
  if ((flags & kDetach) != 0) {
    return real_task(body, data, copy, bytes, alignment, deferred, flags, depend, priority, detach);
  }
  const auto size = static_cast<std::size_t>(bytes);
  TaskStart* const start = make_start(body, size, static_cast<std::size_t>(alignment), depend != nullptr);
  race::forget(reinterpret_cast<std::uintptr_t>(start->data), size);  // another task's were there
  if (copy != nullptr) {
    copy(start->data, data);
  } else if (size != 0) {
    std::memcpy(start->data, data, size);
  }
  task_begins.gives();
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
    {"GOMP_taskwait", reinterpret_cast<void*>(my_wait<Wait::Task>), reinterpret_cast<void**>(&real_wait<Wait::Task>)},
    {"GOMP_taskgroup_end", reinterpret_cast<void*>(my_wait<Wait::Group>),
     reinterpret_cast<void**>(&real_wait<Wait::Group>)},
};

}  // namespace

std::span<const Replacement> openmp_replacements() noexcept { return kOpenMp; }

}  // namespace vigil::shim
