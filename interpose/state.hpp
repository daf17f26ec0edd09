// State: what was alive when the program ended by other than a normal end, and the counts of its tasks.
#pragma once

#include "interpose/json_text.hpp"

namespace vigil::shim {

// The record `tasks`. Nothing without a runtime.
void write_task_counts() noexcept;
bool task_counts(JsonText& json) noexcept;
// The record `state` of all that is alive, running or not. False: the runtime did not hold still.
bool state_of_all(JsonText& json) noexcept;
// The record `state`: the blocked actors, equal ones as one. Gives up when the runtime does not hold still soon.
void write_state() noexcept;

}  // namespace vigil::shim
