// Every file that calls probes includes this, so that one switch can leave the calls out.
//
// VIGIL_PROBES_OFF exists to measure what they cost (docs/probe_abi.md). Such a library cannot be watched and is never
// installed.
#pragma once

#include "vigil/probe.h"

#if defined(VIGIL_PROBES_OFF)
namespace vigil::detail {
template <class... Arguments>
inline void no_probe(Arguments&&...) noexcept {}
}  // namespace vigil::detail
#define vigil_probe_worker_start vigil::detail::no_probe
#define vigil_probe_thread_start vigil::detail::no_probe
#define vigil_probe_thread_end vigil::detail::no_probe
#define vigil_probe_thread_park vigil::detail::no_probe
#define vigil_probe_thread_wake vigil::detail::no_probe
#define vigil_probe_idle vigil::detail::no_probe
#define vigil_probe_task_create vigil::detail::no_probe
#define vigil_probe_task_switch vigil::detail::no_probe
#define vigil_probe_task_end vigil::detail::no_probe
#define vigil_probe_channel_make vigil::detail::no_probe
#define vigil_probe_channel_destroy vigil::detail::no_probe
#define vigil_probe_channel_send vigil::detail::no_probe
#define vigil_probe_channel_receive vigil::detail::no_probe
#define vigil_probe_channel_meet vigil::detail::no_probe
#define vigil_probe_channel_pass vigil::detail::no_probe
#define vigil_probe_channel_close vigil::detail::no_probe
#define vigil_probe_channel_receive_closed vigil::detail::no_probe
#define vigil_probe_select_default vigil::detail::no_probe
#define vigil_probe_lock_wait vigil::detail::no_probe
#define vigil_probe_lock_taken vigil::detail::no_probe
#define vigil_probe_lock_release vigil::detail::no_probe
#define vigil_probe_wait_group_add vigil::detail::no_probe
#define vigil_probe_wait_group_wait vigil::detail::no_probe
#define vigil_probe_park vigil::detail::no_probe
#define vigil_probe_blocking_begin vigil::detail::no_probe
#define vigil_probe_blocking_end vigil::detail::no_probe
#define vigil_probe_default_taken vigil::detail::no_probe
#endif
