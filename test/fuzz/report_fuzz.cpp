// The reader of written reports (.json) on any bytes. What it made of them, written and read again, is the same.
#include <string>

#include "reports/load/report_json.hpp"
#include "reports/model/finish.hpp"
#include "reports/render/forms.hpp"
#include "reports/render/json.hpp"
#include "test/fuzz/harness.hpp"

namespace {

using namespace vigil::reports;
using namespace vigil::fuzz;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 1) return 0;
  std::string error;
  const auto report = parse_report_json(text_of(data + 1, size - 1), "input", error);
  demand(report.has_value() == error.empty(), "a report is read or there is an error");
  if (!report) return 0;
  const std::string once = render_json(*report);
  const auto again = parse_report_json(once, "written", error);
  demand(again.has_value(), "what was written can be read");
  demand(render_json(*again) == once, "what was read again is the same");
  // As merging and rendering do.
  Report merged = *again;
  join_equal_findings(merged.findings);
  sort_by_level(merged.findings);
  const auto& form = all_forms()[data[0] % all_forms().size()];
  // Of nothing ThreadSanitizer writes nothing.
  const bool is_silent = form.name == "tsan" && merged.findings.empty();
  demand(form.render(merged, {}).empty() == is_silent, "a form is not empty");
  return 0;
}
