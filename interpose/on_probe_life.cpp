// The probes of life: the runtime itself, its threads, plain threads that use it, and tasks.
#include "interpose/actor.hpp"
#include "interpose/channel_use.hpp"
#include "interpose/channel_word.hpp"
#include "interpose/end.hpp"
#include "interpose/export.hpp"
#include "interpose/leaks/wide_registers.hpp"
#include "interpose/life/at_exit.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/misuse.hpp"
#include "interpose/options.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/schedule.hpp"
#include "interpose/task_room.hpp"
#include "interpose/threads.hpp"
#include "interpose/watch.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

extern "C" VIGIL_EXPORT void vigil_probe_attach(const vigil_probe_runtime* runtime) noexcept {
  record([&] {
    if (!attach_runtime(runtime)) return;
    reserve_task_room();
    channel_word::attach();
    this_thread();  // before the first worker, so that main is known
    on_runtime_attached();
    if (wants(Kind::LostItems)) channel_use::want_items();
    at_exit::start_grace_watch();
    watch::poke();  // now there may be something to patrol for
  });
  if (stage() == Stage::Live) schedule::hand_over();
}

extern "C" VIGIL_EXPORT void vigil_probe_worker_start() noexcept {
  record([] { become_worker(); });
}

extern "C" VIGIL_EXPORT void vigil_probe_thread_start(vigil_probe_actor* thread) noexcept {
  record([&] { thread->watch = &this_thread(); });
}

extern "C" VIGIL_EXPORT void vigil_probe_thread_end(vigil_probe_actor* thread) noexcept { thread->watch = nullptr; }

extern "C" VIGIL_EXPORT void vigil_probe_thread_park(vigil_probe_actor* /*thread*/) noexcept {
  // Whether the wait may end by itself is asked of the runtime when it matters.
  record([] {
    become_concurrent();
    enter_blocked(this_thread(), CallKind::Primitive, 0, true);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_thread_wake(vigil_probe_actor* /*thread*/) noexcept {
  record([] {
    leave_blocked(this_thread());
    if (race::bridge::is_on()) race::bridge::resumes(this_thread().clocks.told);
  });
}

// The task waits for what this thread does, much as who joins waits for a thread's end.
extern "C" VIGIL_EXPORT void vigil_probe_blocking_begin(vigil_probe_actor* task) noexcept {
  record([&] {
    begin_service();
    if (task->watch == nullptr) return;
    auto& waiter = *static_cast<Actor*>(task->watch);
    locks::begin_own_call(waiter, waiter.parked_at);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_blocking_end(vigil_probe_actor* task) noexcept {
  record([&] {
    if (task->watch != nullptr) locks::end_wait(*static_cast<Actor*>(task->watch));
    end_service();
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_idle() noexcept {
  if (awake_threads() == 0) record([] { watch::poke(); });
}

extern "C" VIGIL_EXPORT void vigil_probe_task_create(vigil_probe_actor* parent, vigil_probe_actor* task,
                                                     uint32_t flags) noexcept {
  record([&] {
    become_concurrent();
    create_task(parent, task, (flags & VIGIL_ACTOR_IS_DAEMON) != 0);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_task_switch(vigil_probe_actor* task) noexcept {
  record([&] { switch_to(task); });
  // Outside the door: who runs matters to the runtime's account of calls until the very end.
  if (race::bridge::is_on()) {
    race::bridge::task_switched(task != nullptr ? static_cast<Actor*>(task->watch) : nullptr);
  }
  leaks::forget_wide_registers();
}

extern "C" VIGIL_EXPORT void vigil_probe_task_end(vigil_probe_actor* task) noexcept {
  record([&] { end_task(task); });
}

extern "C" VIGIL_EXPORT void vigil_probe_task_exception(vigil_probe_actor* task, const char* what,
                                                        const char* type) noexcept {
  record([&] { tell_task_exception(actor_of(task), what, type); });
}
