// The verdict: makes the report from the record and says in one line what was found and where the report lies.
#pragma once

namespace vigil::shim {

// Runs `vigil report` on the record; without it, tells the findings here. Silent when there are none. Returns whether
// findings that count as errors remain (after suppressions, with `strict` warnings as well).
bool tell_verdict() noexcept;

}  // namespace vigil::shim
