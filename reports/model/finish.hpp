// Finish: from findings as loaded to a report as shown. Names them (fingerprint, title, hint, suppression line), joins
// equal ones, drops the suppressed, and puts errors before warnings.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "reports/model/report.hpp"
#include "reports/model/suppressions.hpp"

namespace vigil::reports {

// Findings by kind and fingerprint: what makes two of them equal, in one run and from run to run.
std::string identity_of(const Finding& finding);
using Identities = std::unordered_set<std::string>;

struct FinishOptions {
  bool join_equal = true;  // dedup=1
  Identities baseline{};   // of findings that are not new
};
void finish(Report& report, const Suppressions& suppressions, const FinishOptions& options);

// Joins equal findings; the first one stays, the counts add up. Its memory grows with the number of different ones.
class FindingJoiner {
 public:
  bool add(Finding&& finding);                              // false: it was known already, and has been counted
  std::vector<Finding> take() { return std::move(kept_); }  // in the order in which they came first

 private:
  std::unordered_map<std::string, std::size_t> seen_;  // identity, to the place among those kept
  std::vector<Finding> kept_;
};
void join_equal_findings(std::vector<Finding>& findings);

// New ones before known ones, then errors first; within that the order in which they were found.
void sort_by_level(std::vector<Finding>& findings);

// Whether the run counts as failed: a new error, or with strict anything new.
bool fails(const Report& report, bool strict) noexcept;

}  // namespace vigil::reports
