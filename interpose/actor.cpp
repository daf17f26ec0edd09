#include "interpose/actor.hpp"

#include <ctime>

#include "interpose/channel_touch.hpp"
#include "interpose/current.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/life/growth.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/options.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/stacks/recent_stacks.hpp"
#include "interpose/task_room.hpp"
#include "interpose/threads.hpp"
#include "interpose/throws.hpp"
#include "interpose/timeline.hpp"

namespace vigil::shim {

namespace detail {
thread_local constinit Actor* running __attribute__((tls_model("initial-exec"))) = nullptr;
thread_local constinit Lane lane __attribute__((tls_model("initial-exec"))) = {};
}  // namespace detail

namespace {

using detail::running;

// relaxed: who learns of a task by the program's own synchronisation sees it set.
constinit std::atomic<bool> some_task_was_started{false};

Actor& make_task(vigil_probe_actor& task) noexcept {
  TaskRoom* const room = room_of(&task);
  Actor* const made = room != nullptr ? ::new (room->actor) Actor : own_new<Actor>();
  made->id = task.id;
  made->type = ActorType::Task;
  made->has_room = room != nullptr;
  task.watch = made;
  return *made;
}

}  // namespace

ActorInfo info_of(ActorKey key, std::string_view state) noexcept {
  const auto bits = static_cast<std::uint64_t>(key);
  return {.type = (bits >> detail::kTypeBit & 1U) != 0 ? ActorType::Task : ActorType::Thread,
          .id = bits & detail::kNumberMask,
          .name = {},
          .state = state,
          .created_at = static_cast<StackId>(bits >> detail::kStackShift)};
}

ActorInfo info_of(const Actor& actor, std::string_view state) noexcept {
  return {.type = actor.type, .id = actor.id, .name = {}, .state = state, .created_at = actor.created_at};
}

Actor& current_actor() noexcept { return running != nullptr ? *running : this_thread(); }

Actor& actor_of(vigil_probe_actor* actor) noexcept {
  if (actor == nullptr) return current_actor();
  if (actor->watch != nullptr) [[likely]]
    return *static_cast<Actor*>(actor->watch);
  if (actor->id == 0) {
    // A thread whose start we did not hear of, because the shim was busy on it: it is the one that calls.
    Actor& thread = this_thread();
    actor->watch = &thread;
    return thread;
  }
  return make_task(*actor);  // that was created when we did not look
}

Actor& create_task(vigil_probe_actor* parent, vigil_probe_actor* task, bool is_daemon) noexcept {
  Actor& creator = actor_of(parent);
  Actor* const made = &make_task(*task);
  made->is_daemon = is_daemon;
  made->created_at = capture_stack();
  order::spawn(made->clocks, creator.clocks);
  if (race::bridge::is_on()) race::bridge::task_created(*made);
  contexts::inherit(*made, creator);
  race::task_made(end_of_frames(task));
  if (!tasks_were_started()) some_task_was_started.store(true, std::memory_order_relaxed);
  if (wants(Kind::TaskGrowth)) growth::started(creator, *made);
  if (timeline::on()) timeline::can_run(*made);
  return *made;
}

bool tasks_were_started() noexcept { return some_task_was_started.load(std::memory_order_relaxed); }

void end_task(vigil_probe_actor* task) noexcept {
  auto* const actor = static_cast<Actor*>(std::exchange(task->watch, nullptr));
  if (actor == nullptr) return;
  if (running == actor) running = nullptr;
  detail::lane.acts();
  locks::leaves_locked(*actor);
  if (timeline::on()) timeline::ends(*actor);
  locks::actor_ends(*actor);
  race::actor_ended(*actor, end_of_frames(task));
  if (race::bridge::is_on()) race::bridge::task_ended(*actor, reinterpret_cast<std::uintptr_t>(task));
  order::end(actor->clocks);
  forget_throws(*actor);
  race::forget_fences(*actor);
  contexts::leave(*actor);
  if (wants(Kind::TaskGrowth)) growth::ended(*actor);
  if (actor->has_room) {
    actor->~Actor();
  } else {
    own_delete(actor);
  }
}

void switch_to(vigil_probe_actor* task) noexcept {
  // relaxed: a coarse time for messages; who reads it wants no more.
  if (running != nullptr) {
    const std::uint32_t now = coarse_ms();
    running->left_at_ms.store(now, std::memory_order_relaxed);
    channel_touch::grow(now);
  }
  order::moment_over();
  stack_switched(reinterpret_cast<std::uintptr_t>(task));  // the record lies at its stack's upper end, or is null
  Actor* const before = std::exchange(running, task == nullptr ? nullptr : &actor_of(task));
  detail::lane.acts();
  if (timeline::on()) timeline::switched(before, running);
  race::actor_switched();
}

std::uint32_t coarse_ms() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

}  // namespace vigil::shim
