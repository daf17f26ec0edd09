// Hint: one sentence that says what to do, chosen by the finding's kind and shape.
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

// The finding's own hint when the shim gave one.
std::string hint_of(const Finding& finding);

}  // namespace vigil::reports
