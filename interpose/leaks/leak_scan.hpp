// Leak scan: at a normal end, the tasks that are still blocked on something only others could do.
#pragma once

#include "vigil/probe.h"

namespace vigil::shim::leaks {

// Whether the task is told as a leak at a normal end, or as one of a deadlock. Demands that the runtime is paused.
bool is_leaked(const vigil_probe_actor_view& view) noexcept;

// Reports each group of equal leaks as one finding with a count. After at_exit::settle().
// A task that sleeps, waits with a deadline, or is a daemon is none.
void report_leaks() noexcept;
// At another end: those of them that are proved, for the others may only be waiting for what will not come now.
void report_proved_leaks() noexcept;

}  // namespace vigil::shim::leaks
