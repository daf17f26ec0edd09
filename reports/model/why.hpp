// Why: what a finding rests on, in a sentence or two. A message says what happened in this run; this says what makes it
// a defect and no guess.
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

// "" for a kind this command does not know.
std::string why_of(const Finding& finding);

}  // namespace vigil::reports
