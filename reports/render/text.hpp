// The report for terminals and logs: the same content as the page, in plain characters. No escape sequence of the
// program's survives.
#pragma once

#include <string>

#include "reports/model/report.hpp"
#include "reports/model/sources.hpp"

namespace vigil::reports {

std::string render_text(const Report& report, const Sources& sources);

// The actors of a program that still runs: the report's state, those that wait longest first.
std::string render_tasks(const Report& report);

}  // namespace vigil::reports
