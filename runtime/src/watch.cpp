// What the runtime offers whoever watches it: struct vigil_probe_runtime. See probe.h for each promise.
#include <algorithm>
#include <ctime>

#include "runtime/src/channel_core.hpp"
#include "runtime/src/clock.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/scheduler.hpp"
#include "runtime/src/seeded_choices.hpp"
#include "runtime/src/turns.hpp"
#include "vigil/probe.h"

namespace vigil::detail {
namespace {

std::uint64_t deadline_from(std::uint64_t timeout_ns) noexcept {
  return deadline_after(static_cast<std::int64_t>(std::min<std::uint64_t>(timeout_ns, std::uint64_t{1} << 62)));
}

int pause(std::uint64_t timeout_ns) { return pause_all(deadline_from(timeout_ns)) ? 1 : 0; }
void resume() { resume_all(); }

bool show_task(Task& task, int (*visit)(const vigil_probe_actor_view*, void*), void* context) {
  const TaskState state = task.state.load(std::memory_order_relaxed);
  if (state == TaskState::None) return true;
  vigil_probe_actor_view view{};
  view.actor = &task.probe;
  view.state = static_cast<std::uint32_t>(state);
  view.flags = task.flags;
  view.stack_low = reinterpret_cast<std::uintptr_t>(task.stack_low);
  view.stack_high = reinterpret_cast<std::uintptr_t>(task.stack_high);
  vigil_probe_registers saved{};
  if (state == TaskState::Parked) {
    saved = registers_of(task.context);
    view.saved = &saved;
    view.wait = &task.wait;
  }
  return visit(&view, context) != 0;
}

bool show_thread(PlainThread& thread, int (*visit)(const vigil_probe_actor_view*, void*), void* context) {
  if (!thread.in_use.load(std::memory_order_acquire)) return true;
  const TaskState state = thread.state.load(std::memory_order_relaxed);
  vigil_probe_actor_view view{};
  view.actor = &thread.probe;
  view.state = static_cast<std::uint32_t>(state);
  view.flags = thread.flags;
  if (state == TaskState::Parked) view.wait = &thread.wait;
  return visit(&view, context) != 0;
}

void each_actor(int (*visit)(const vigil_probe_actor_view*, void*), void* context) {
  bool more = true;
  scheduler().stacks.each_slot([&](Task& task) { return more = show_task(task, visit, context); });
  if (!more) return;
  each_record([&](ThreadRecord& record) {
    if (more && record.worker == nullptr) more = show_thread(static_cast<PlainThread&>(record), visit, context);
  });
}

// What ended or parked is summed first, what started or was woken second. Both only grow, and the second is never less
// than the first at one moment; so a difference of zero means that at the moment between nothing moved.
std::uint64_t moving() noexcept {
  std::uint64_t stopped = 0;
  each_record([&](const ThreadRecord& record) { stopped += record.finished.read() + record.parks.read(); });
  std::uint64_t set_going = scheduler().tasks_started();
  each_record([&](const ThreadRecord& record) { set_going += record.wakes.read(); });
  return set_going - stopped;
}

void step_aside() {
  ThreadRecord* const self = this_thread_or_null();
  if (is_choosing() && self != nullptr && self->worker == nullptr) turns().leave(static_cast<PlainThread&>(*self));
}

int settle(std::uint64_t timeout_ns) {
  step_aside();  // nobody else could move while this thread has the turn
  const std::uint64_t deadline = deadline_from(timeout_ns);
  for (long nap_ns = 20'000; moving() != 0; nap_ns = std::min(nap_ns * 2, 1'000'000L)) {
    if (now_ns() >= deadline) return 0;
    const timespec nap{0, nap_ns};
    nanosleep(&nap, nullptr);
  }
  return 1;
}

void counts(vigil_probe_counts* out) {
  const Scheduler& all = scheduler();
  vigil_probe_counts now{};
  now.finished = all.tasks_finished();
  now.started = all.tasks_started();
  now.alive = now.started - now.finished;
  now.peak_alive = std::max(all.peak_alive(), now.alive);
  // Before and after: what a timer has set going is counted as moving before the timer ceases to count, and a task that
  // sets one before it parks.
  const std::uint64_t timers_before = all.timers.size() + threads_with_deadline();
  now.moving = moving();
  now.timers = std::max<std::uint64_t>(timers_before, all.timers.size() + threads_with_deadline());
  *out = now;
}

constinit SeededChoices seeded;

constexpr std::size_t kMostRoom = 1024;  // more, and an idle task might not fit one page any more

int set_schedule(std::uint32_t kind, std::uint64_t seed, int (*may_switch)(vigil_probe_actor*)) {
  if (kind == VIGIL_SCHEDULE_NORMAL) return is_choosing() ? 0 : 1;
  if (kind != VIGIL_SCHEDULE_RANDOM || !turns().choose_by(seeded, may_switch)) return 0;
  seeded.start(seed, scheduler().tasks_started() + 1);
  return 1;
}

std::uint32_t channel_handles(const void* channel) { return static_cast<const ChannelCore*>(channel)->handles(); }

void each_own_range(int (*visit)(std::uintptr_t, std::uintptr_t, void*), void* context) {
  bool more = true;
  const auto show = [&](const void* low, const void* high) {
    return more = visit(reinterpret_cast<std::uintptr_t>(low), reinterpret_cast<std::uintptr_t>(high), context) != 0;
  };
  scheduler().stacks.each_arena(show);
  each_record([&](const ThreadRecord& record) {
    if (!more) return;
    if (record.worker == nullptr) {
      const auto& thread = static_cast<const PlainThread&>(record);
      show(&thread, &thread + 1);
      return;
    }
    if (!show(record.worker, record.worker + 1)) return;
    if (const Worker::LoopStack stack = record.worker->loop_stack(); stack.high != nullptr) show(stack.low, stack.high);
  });
}

void look_at_channel(const void* channel, vigil_probe_channel_view* out) {
  *out = {.handles = static_cast<const ChannelCore*>(channel)->handles(), .bytes = ChannelCore::watch_at()};
}

int reserve_room(std::size_t bytes) {
  if (bytes > kMostRoom || scheduler().tasks_started() != 0) return 0;
  watcher_room.store(bytes, std::memory_order_relaxed);
  return 1;
}

constexpr vigil_probe_runtime kRuntime{.version = VIGIL_PROBE_VERSION,
                                       .size = sizeof(vigil_probe_runtime),
                                       .pause = pause,
                                       .resume = resume,
                                       .each_actor = each_actor,
                                       .settle = settle,
                                       .counts = counts,
                                       .set_schedule = set_schedule,
                                       .step_aside = step_aside,
                                       .channel_handles = channel_handles,
                                       .each_own_range = each_own_range,
                                       .look_at_channel = look_at_channel,
                                       .reserve_room = reserve_room,
                                       .channel_word = ChannelCore::watch_at()};

// Libraries are initialised before those that need them, so this comes before any static object of the program can use
// a primitive, and with it before the first other probe.
[[gnu::constructor]] void attach() { vigil_probe_attach(&kRuntime); }

}  // namespace
}  // namespace vigil::detail
