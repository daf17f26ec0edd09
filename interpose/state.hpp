// State: what was alive when the program ended by other than a normal end, and the counts of its tasks.
#pragma once

namespace vigil::shim {

// The record `tasks`. Nothing without a runtime.
void write_task_counts() noexcept;
// The record `state`: the blocked actors, equal ones as one. Gives up when the runtime does not hold still soon.
void write_state() noexcept;
// The same for a reader at a terminal.
void print_state() noexcept;

}  // namespace vigil::shim
