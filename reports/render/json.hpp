// JSON: the report model as vigil-report/1 (docs/report.schema.json).
#pragma once

#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

std::string render_json(const Report& report);

}  // namespace vigil::reports
