// Title: the sentence that names the defect in the program's own words. Names stand in backticks.
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

std::string title_of(const Finding& finding);

}  // namespace vigil::reports
