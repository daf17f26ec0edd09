// GitLab's code quality report: a list. Its reader merges equal fingerprints, and needs a path and a line of each.
#include <nlohmann/json.hpp>

#include "reports/model/user_frames.hpp"
#include "reports/render/forms.hpp"

namespace vigil::reports {

std::string render_gitlab(const Report& report) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Finding& finding : report.findings) {
    std::string path = report.program.path;
    std::uint32_t line = 1;
    for (const Participant& participant : finding.participants) {
      const Frame* frame = first_user_frame(participant.stack);
      if (frame == nullptr || frame->file.empty()) continue;
      path = frame->file;
      line = frame->line == 0 ? 1 : frame->line;
      break;
    }
    const std::string folder = report.program.cwd + "/";  // in CI a job starts in its checkout
    if (path.starts_with(folder)) path.erase(0, folder.size());
    const char* severity = finding.level == Level::Warning ? "minor" : finding.predicted ? "major" : "critical";
    const std::string title = plain_words(finding.title);
    list.push_back({{"description", title.empty() ? finding.kind : title},
                    {"check_name", "vigil/" + finding.kind},
                    {"fingerprint", finding.kind + "-" + finding.fingerprint},
                    {"severity", severity},
                    {"location", {{"path", path}, {"lines", {{"begin", line}}}}}});
  }
  return list.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vigil::reports
