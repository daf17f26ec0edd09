// JUnit XML, as CI servers read it: the program is a suite, each error a failed case of it (a skipped one when the
// baseline has it); a run without errors is one passed case. Warnings are told in the suite's output.
#include <fmt/core.h>

#include <algorithm>

#include "reports/model/kind.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/forms.hpp"
#include "reports/render/text.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

// As content and inside double quotes. XML 1.0 has no way to write most control characters: they are shown.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : show_deceptive(text, true)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// One finding as the text form tells it.
std::string told(const Report& report, const Finding& finding) {
  Report one;
  one.program = report.program;
  one.findings.push_back(finding);
  return render_text(one, {});
}

}  // namespace

std::string render_junit(const Report& report) {
  const Summary summary = summary_of(report);
  const std::string program = report.program.path.substr(report.program.path.find_last_of('/') + 1);
  const std::uint64_t cases = std::max<std::uint64_t>(1, summary.errors);
  const std::uint64_t known = summary.errors - summary.new_errors;
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" skipped=\"{}\" time=\"0\">\n",
      xml(program), cases, summary.new_errors, known);
  if (summary.errors == 0) out += fmt::format("<testcase classname=\"vigil\" name=\"{}\" time=\"0\"/>\n", xml(program));
  std::string warnings;
  for (const Finding& finding : report.findings) {
    if (finding.level == Level::Warning) {
      warnings += told(report, finding);
      continue;
    }
    // CI servers group cases by class: those of one test stand together.
    const std::string group = finding.test.empty() ? "vigil." + finding.kind : "vigil." + finding.test;
    if (finding.known) {
      out += fmt::format(
          "<testcase classname=\"{}\" name=\"{}\" time=\"0\"><skipped message=\"known: the baseline has "
          "it\"/></testcase>\n",
          xml(group), xml(plain_words(finding.title) + " [" + finding.fingerprint + "]"));
      continue;
    }
    out += fmt::format(
        "<testcase classname=\"{}\" name=\"{}\" time=\"0\"><failure type=\"{}\" "
        "message=\"{}\">{}</failure></testcase>\n",
        xml(group), xml(plain_words(finding.title) + " [" + finding.fingerprint + "]"), xml(finding.kind),
        xml(plain_words(finding.message.empty() ? finding.title : finding.message)), xml(told(report, finding)));
  }
  if (!warnings.empty()) out += fmt::format("<system-out>{}</system-out>\n", xml(warnings));
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace vigil::reports
