// The report as one HTML file: nothing is loaded, nothing runs. Readable without style, good with it, light and dark,
// on paper.
#pragma once

#include <string>
#include <vector>

#include "reports/model/report.hpp"
#include "reports/model/sources.hpp"

namespace vigil::reports {

std::string render_html(const Report& report, const Sources& sources);

// One line of an index over many runs.
struct IndexEntry {
  std::string link;  // relative to the index; "" when the run has no page of its own
  std::string name;  // of the program or test
  std::string verdict;
  std::uint64_t errors = 0;
  std::uint64_t warnings = 0;
  std::string how_it_ended;
  std::string command;
};
// All runs, the worst first, and above them the findings of all joined by fingerprint.
std::string render_index_html(const Report& merged, const std::vector<IndexEntry>& runs, const Sources& sources);

}  // namespace vigil::reports
