// Timers: which are set, where each was made, and where they pile up.
//
// One actor waits for few timers at a time. So when it goes on making timers at one place while those it made there
// before are still set, it has forgotten them: `timer_pile` of them are a timer-leak. Timers that start a task
// (after_func) are set to be forgotten and do not count.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "vigil/probe.h"

namespace vigil::shim::timers {

void made(const Actor& actor, const void* timer, std::uint32_t kind, const void* channel) noexcept;
void set(const void* timer) noexcept;
// No longer set: stopped, fired for the only time, or gone.
void stopped(const void* timer) noexcept;
void fired(const void* timer) noexcept;
void destroyed(const void* timer) noexcept;
// That channel, fed by a timer or not, is no more.
void channel_gone(const void* channel) noexcept;

// Whether a timer's tick is one of its cases: it feeds that channel.
bool feeds(const void* channel) noexcept;
// Whether a timer that fires once is set and will end that wait.
bool will_end(const vigil_probe_wait& wait) noexcept;
// At the end: the tickers that are still set and for which leaked tasks wait. leaked is the task's wait.
void tell_ticker_of(const vigil_probe_wait& leaked, const Actor& task, StackId stack) noexcept;

}  // namespace vigil::shim::timers
