// The report for terminals and logs: the same content as the page, in plain characters. No escape sequence of the
// program's survives.
#pragma once

#include <string>

#include "reports/model/report.hpp"
#include "reports/model/sources.hpp"

namespace vigil::reports {

std::string render_text(const Report& report, const Sources& sources);

}  // namespace vigil::reports
