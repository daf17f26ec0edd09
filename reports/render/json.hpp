// JSON: the report model as vigil-report/1 (docs/report.schema.json).
#pragma once

#include <string>

#include "reports/model/report.hpp"
#include "reports/render/text_out.hpp"

namespace vigil::reports {

std::string render_json(const Report& report);
void write_json(const Report& report, const TextOut& out);  // the same, never in memory whole

}  // namespace vigil::reports
