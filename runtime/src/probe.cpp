// The weak, empty default of every probe. They stay in a file of their own: a caller in the same file could be bound to
// them, or inlined, and a preloaded definition would never be called.
#include "vigil/probe.h"

#include "runtime/src/probe_defaults.hpp"

#define VIGIL_WEAK __attribute__((weak, visibility("default")))

extern "C" {
VIGIL_WEAK void vigil_probe_attach(const vigil_probe_runtime*) noexcept {}
VIGIL_WEAK void vigil_probe_worker_start() noexcept {}
VIGIL_WEAK void vigil_probe_thread_start(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_thread_end(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_thread_park(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_thread_wake(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_idle() noexcept {}

VIGIL_WEAK void vigil_probe_task_create(vigil_probe_actor*, vigil_probe_actor*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_task_switch(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_task_end(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_task_exception(vigil_probe_actor*, const char*, const char*) noexcept {}

VIGIL_WEAK void vigil_probe_channel_make(const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_channel_destroy(const void*, size_t) noexcept {}
void vigil_empty_channel_send(vigil_probe_actor*, const void*, size_t) noexcept {}
void vigil_empty_channel_receive(vigil_probe_actor*, const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_channel_send(vigil_probe_actor*, const void*, size_t) noexcept
    __attribute__((alias("vigil_empty_channel_send")));
VIGIL_WEAK void vigil_probe_channel_receive(vigil_probe_actor*, const void*, size_t) noexcept
    __attribute__((alias("vigil_empty_channel_receive")));
VIGIL_WEAK void vigil_probe_channel_meet(vigil_probe_actor*, vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_channel_pass(vigil_probe_actor*, vigil_probe_actor*, const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_channel_close(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_channel_receive_closed(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_channel_misuse(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_select_default(vigil_probe_actor*) noexcept {}

VIGIL_WEAK void vigil_probe_lock_wait(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_lock_taken(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_lock_release(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_lock_misuse(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_lock_destroy(const void*, int) noexcept {}
VIGIL_WEAK void vigil_probe_wait_group_add(vigil_probe_actor*, const void*, int64_t, int64_t) noexcept {}
VIGIL_WEAK void vigil_probe_wait_group_wait(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_wait_group_negative(vigil_probe_actor*, const void*, int64_t) noexcept {}
VIGIL_WEAK void vigil_probe_wait_group_destroy(const void*) noexcept {}

VIGIL_WEAK void vigil_probe_release(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_acquire(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_sync_destroy(const void*) noexcept {}

VIGIL_WEAK void vigil_probe_variable_make(const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_variable_read(const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_variable_write(const void*, size_t) noexcept {}
VIGIL_WEAK void vigil_probe_variable_destroy(const void*, size_t) noexcept {}

VIGIL_WEAK void vigil_probe_timer_make(vigil_probe_actor*, const void*, uint32_t, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_timer_start(vigil_probe_actor*, const void*, uint64_t, uint64_t) noexcept {}
VIGIL_WEAK void vigil_probe_timer_stop(vigil_probe_actor*, const void*, int) noexcept {}
VIGIL_WEAK void vigil_probe_timer_fire(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_timer_destroy(const void*) noexcept {}

VIGIL_WEAK void vigil_probe_context_make(vigil_probe_actor*, const void*, const void*, const void*, uint32_t) noexcept {
}
VIGIL_WEAK void vigil_probe_context_done(vigil_probe_actor*, const void*, uint32_t) noexcept {}
VIGIL_WEAK void vigil_probe_context_destroy(const void*) noexcept {}
VIGIL_WEAK void vigil_probe_task_context(vigil_probe_actor*, const void*) noexcept {}

VIGIL_WEAK void vigil_probe_park(vigil_probe_actor*, const vigil_probe_wait*) noexcept {}
VIGIL_WEAK void vigil_probe_blocking_begin(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_blocking_end(vigil_probe_actor*) noexcept {}
VIGIL_WEAK void vigil_probe_default_taken(vigil_probe_actor*, const vigil_probe_case*, uint32_t) noexcept {}

VIGIL_WEAK void vigil_probe_context_abandon(const void*) noexcept {}

VIGIL_WEAK void vigil_probe_let_go(vigil_probe_actor*, const void*) noexcept {}
VIGIL_WEAK void vigil_probe_take_apart(vigil_probe_actor*, const void*) noexcept {}
}
