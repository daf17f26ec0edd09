#include "interpose/verdict.hpp"

#include "interpose/fixed_text.hpp"
#include "interpose/options.hpp"
#include "interpose/plain_report.hpp"
#include "interpose/process_info.hpp"
#include "interpose/renderer.hpp"
#include "interpose/safety_net.hpp"
#include "interpose/say.hpp"
#include "interpose/writer_state.hpp"

namespace vigil::shim {
namespace {

constexpr int kPlainReportMs = 10'000;

void count_kinds(FoundText& line, const WriterSummary& summary, bool errors) noexcept {
  const std::uint64_t count = errors ? summary.counts.errors : summary.counts.warnings;
  line << count << (errors ? " error" : " warning") << (count == 1 ? " (" : "s (");
  bool first = true;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].is_error != errors || summary.by_kind[i] == 0) continue;
    if (!std::exchange(first, false)) line << ", ";
    line << kKinds[i].name;
    if (summary.by_kind[i] > 1) line << " x" << summary.by_kind[i];
  }
  line << ")";
}

// The record's path with another ending, as the user wrote the folder.
void report_path(Line& line, std::string_view record, std::string_view ending) noexcept {
  const std::string_view stem = record.substr(0, record.rfind('.'));
  const std::string_view folder = options().report_dir;
  if (folder.starts_with('/')) {
    line << stem;
  } else {
    line << folder << stem.substr(stem.rfind('/'));
  }
  line << "." << ending;
}

std::string_view first_format() noexcept {
  const std::string_view formats = options().formats.text;
  if (formats.find("html") != std::string_view::npos) return "html";
  const std::string_view first = formats.substr(0, formats.find(','));
  return first == "text" ? "txt" : first;
}

// What this process has counted. A report may have fewer: suppressed ones, and those that differ in no user frame.
FoundText counted(const WriterSummary& summary) noexcept {
  FoundText text;
  if (summary.counts.errors > 0) count_kinds(text, summary, true);
  if (summary.counts.errors > 0 && summary.counts.warnings > 0) text << ", ";
  if (summary.counts.warnings > 0) count_kinds(text, summary, false);
  return text;
}

void tell(const FoundText& found, const WriterSummary& summary, bool rendered) noexcept {
  Line line;
  line << found.view();
  if (!summary.path.empty()) {
    line << (rendered ? " - report: " : " - record, for `vigil report`: ");
    report_path(line, summary.path, rendered && !first_format().empty() ? first_format() : "jsonl");
  }
  say(line.view());
}

}  // namespace

bool tell_verdict() noexcept {
  const WriterSummary summary = writer_summary();
  const bool found = summary.counts.errors + summary.counts.warnings > 0;
  if (!found && options().formats.text.empty()) return false;  // nothing to judge, nothing to make
  const bool errors = summary.counts.errors > 0 || (options().strict && summary.counts.warnings > 0);
  const Rendering rendering =
      summary.path.empty() ? Rendering{RenderResult::NoCommand, false, {}} : render_record(summary.path, !found);
  switch (rendering.result) {
    case RenderResult::NoErrors:
      // Of a command that does not say: warnings alone are told; errors that are not there any more were suppressed.
      if (rendering.told ? !rendering.found.view().empty() : summary.counts.errors == 0 && found)
        tell(rendering.told ? rendering.found : counted(summary), summary, true);
      return false;
    case RenderResult::Errors:
      tell(rendering.told && !rendering.found.view().empty() ? rendering.found : counted(summary), summary, true);
      return true;
    case RenderResult::NoCommand:
    case RenderResult::Failed:
      break;
  }
  if (!found) return false;
  in_net(kPlainReportMs, [] { print_kept_findings(); });
  tell(counted(summary), summary, false);
  return errors;
}

}  // namespace vigil::shim
