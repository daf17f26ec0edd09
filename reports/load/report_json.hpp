// The written report (.json) read back, for merging and rendering again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "reports/model/report.hpp"

namespace vigil::reports {

// On failure nothing is returned and error is one clear line. Members that are missing or ill-typed have their
// defaults.
// Given take, the findings are handed to it one by one and the report has none: memory does not grow with their number.
// Nothing is handed over of a file that is not whole.
using TakeFinding = std::function<void(Finding&&)>;
std::optional<Report> read_report_json(const std::string& path, std::string& error, const TakeFinding& take = {});
std::optional<Report> parse_report_json(std::string_view text, const std::string& path, std::string& error);

}  // namespace vigil::reports
