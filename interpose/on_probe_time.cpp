// The probes of timers and contexts.
#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/life/timers.hpp"
#include "interpose/lifecycle.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

extern "C" VIGIL_EXPORT void vigil_probe_timer_make(vigil_probe_actor* actor, const void* timer, uint32_t kind,
                                                    const void* channel) noexcept {
  record([&] { timers::made(actor_of(actor), timer, kind, channel); });
}

extern "C" VIGIL_EXPORT void vigil_probe_timer_start(vigil_probe_actor* /*actor*/, const void* timer,
                                                     uint64_t /*deadline_ns*/, uint64_t /*period_ns*/) noexcept {
  record([&] { timers::set(timer); });
}

extern "C" VIGIL_EXPORT void vigil_probe_timer_stop(vigil_probe_actor* /*actor*/, const void* timer,
                                                    int /*was_set*/) noexcept {
  record([&] { timers::stopped(timer); });
}

extern "C" VIGIL_EXPORT void vigil_probe_timer_fire(vigil_probe_actor* /*clock*/, const void* timer) noexcept {
  record([&] { timers::fired(timer); });
}

extern "C" VIGIL_EXPORT void vigil_probe_timer_destroy(const void* timer) noexcept {
  record([&] { timers::destroyed(timer); });
}

extern "C" VIGIL_EXPORT void vigil_probe_context_make(vigil_probe_actor* actor, const void* context, const void* parent,
                                                      const void* done, uint32_t flags) noexcept {
  record([&] { contexts::made(actor_of(actor), context, parent, done, flags); });
}

extern "C" VIGIL_EXPORT void vigil_probe_context_done(vigil_probe_actor* actor, const void* context,
                                                      uint32_t reason) noexcept {
  record([&] { contexts::done(actor_of(actor), context, reason); });
}

extern "C" VIGIL_EXPORT void vigil_probe_context_destroy(const void* context) noexcept {
  record([&] { contexts::destroyed(context); });
}

extern "C" VIGIL_EXPORT void vigil_probe_context_abandon(const void* context) noexcept {
  record([&] { contexts::abandoned(context); });
}

extern "C" VIGIL_EXPORT void vigil_probe_task_context(vigil_probe_actor* task, const void* context) noexcept {
  record([&] { contexts::adopt(actor_of(task), context); });
}
