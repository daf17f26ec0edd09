// Whether time ends a wait, whatever everybody does: such a wait lasts, but not for ever.
#pragma once

#include "interpose/life/contexts.hpp"
#include "interpose/life/timers.hpp"

namespace vigil::shim {

// A receive from a timer that is set and fires once, or from the done() of a context with a deadline. Demands that the
// wait record holds still.
inline bool ends_in_time(const vigil_probe_wait& wait) noexcept {
  return timers::will_end(wait) || contexts::will_end(wait);
}

}  // namespace vigil::shim
