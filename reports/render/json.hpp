// JSON: the report model as vigil-report/1 (docs/report.schema.json), and back.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

// Streams: memory stays that of one finding.
void write_json(const Report& report, std::ostream& out);

}  // namespace vigil::reports
