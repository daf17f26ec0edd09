#include "reports/model/finish.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "reports/model/fingerprint.hpp"
#include "reports/model/hint.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/title.hpp"

namespace vigil::reports {

void join_equal_findings(std::vector<Finding>& findings) {
  std::unordered_map<std::string, std::size_t> seen;  // kind and fingerprint, to the place among those kept
  std::vector<Finding> kept;
  kept.reserve(findings.size());
  for (Finding& finding : findings) {
    const auto [at, fresh] = seen.emplace(finding.kind + ' ' + finding.fingerprint, kept.size());
    if (fresh) {
      kept.push_back(std::move(finding));
      continue;
    }
    Finding& first = kept[at->second];
    first.count += finding.count;
    for (const std::uint32_t run : finding.runs) {
      if (first.runs.empty() || first.runs.back() < run) first.runs.push_back(run);
    }
    if (first.timeline.lanes.empty()) first.timeline = std::move(finding.timeline);
    first.predicted = first.predicted && finding.predicted;  // seen to happen once is seen
    first.proved = first.proved || finding.proved;
  }
  findings = std::move(kept);
}

void sort_by_level(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.level < b.level; });
}

void finish(Report& report, const Suppressions& suppressions, FinishOptions options) {
  if (!suppressions.empty()) {
    const auto silenced =
        std::erase_if(report.findings, [&](const Finding& finding) { return suppressions.match(finding); });
    report.suppressed += silenced;
  }
  for (Finding& finding : report.findings) {
    finding.fingerprint = fingerprint_of(finding);
    finding.title = title_of(finding);
    finding.hint = hint_of(finding);
    finding.suppression = suppression_for(finding);
  }
  if (options.join_equal) join_equal_findings(report.findings);
  sort_by_level(report.findings);
}

bool fails(const Report& report, bool strict) noexcept {
  const Summary summary = summary_of(report);
  return summary.errors != 0 || (strict && summary.warnings != 0);
}

}  // namespace vigil::reports
