// Finish: from findings as loaded to a report as shown. Names them (fingerprint, title, hint, suppression line), joins
// equal ones, drops the suppressed, and puts errors before warnings.
#pragma once

#include "reports/model/report.hpp"
#include "reports/model/suppressions.hpp"

namespace vigil::reports {

struct FinishOptions {
  bool join_equal = true;  // dedup=1
};
void finish(Report& report, const Suppressions& suppressions, FinishOptions options);

// Joins findings of equal fingerprint; the first stays, the counts add up. Keeps the order.
void join_equal_findings(std::vector<Finding>& findings);

// Errors first; within a level the order in which they were found.
void sort_by_level(std::vector<Finding>& findings);

// Whether the run counts as failed: an error, or with strict any finding.
bool fails(const Report& report, bool strict) noexcept;

}  // namespace vigil::reports
