#include "reports/model/finish.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "reports/model/fingerprint.hpp"
#include "reports/model/hint.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/title.hpp"

namespace vigil::reports {

std::string identity_of(const Finding& finding) { return fmt::format("{} {}", finding.kind, finding.fingerprint); }

bool FindingJoiner::add(Finding&& finding) {
  const auto [at, fresh] = seen_.emplace(identity_of(finding), kept_.size());
  if (fresh) {
    kept_.push_back(std::move(finding));
    return true;
  }
  Finding& first = kept_[at->second];
  first.count += finding.count;
  for (const std::uint32_t run : finding.runs) {
    if (first.runs.empty() || first.runs.back() < run) first.runs.push_back(run);
  }
  if (first.timeline.lanes.empty()) first.timeline = std::move(finding.timeline);
  first.predicted = first.predicted && finding.predicted;  // seen to happen once is seen
  first.proved = first.proved || finding.proved;
  first.known = first.known && finding.known;  // what one run's baseline lacks counts
  return false;
}

void join_equal_findings(std::vector<Finding>& findings) {
  FindingJoiner joiner;
  for (Finding& finding : findings) joiner.add(std::move(finding));
  findings = joiner.take();
}

void sort_by_level(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.known, a.level) < std::pair(b.known, b.level);
  });
}

void finish(Report& report, const Suppressions& suppressions, const FinishOptions& options) {
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
    finding.known = options.baseline.contains(identity_of(finding));
  }
  if (options.join_equal) join_equal_findings(report.findings);
  sort_by_level(report.findings);
}

bool fails(const Report& report, bool strict) noexcept {
  const Summary summary = summary_of(report);
  return summary.new_errors != 0 || (strict && summary.new_warnings != 0);
}

}  // namespace vigil::reports
