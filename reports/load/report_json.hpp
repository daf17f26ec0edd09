// The written report (.json) read back, for merging and rendering again.
#pragma once

#include <optional>
#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

// On failure nothing is returned and error is one clear line. Members that are missing or ill-typed have their
// defaults.
std::optional<Report> read_report_json(const std::string& path, std::string& error);
std::optional<Report> parse_report_json(std::string_view text, const std::string& path, std::string& error);

}  // namespace vigil::reports
