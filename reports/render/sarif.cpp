// SARIF 2.1.0 (OASIS). A thread flow is one thread or fibre, so a race has two and a lock cycle one for each actor.
// GitHub takes 25,000 results of a run and 1,000 steps of a flow.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/forms.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostResults = 25000;
constexpr std::size_t kMostSteps = 100;  // of one actor: GitHub shows no more

// A path as a URI: what a URI does not take as it is, in percent form.
std::string uri_of(std::string_view path) {
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~/+").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

Json location_of(const Frame& frame) {
  Json location = Json::object();
  if (!frame.file.empty()) {
    Json& physical = location["physicalLocation"];
    physical["artifactLocation"]["uri"] = uri_of(frame.file);
    if (frame.line != 0) physical["region"]["startLine"] = frame.line;
  }
  if (!frame.function.empty()) {
    location["logicalLocations"] =
        Json::array({{{"fullyQualifiedName", qualified_name(frame.function)}, {"kind", "function"}}});
  }
  return location;
}

// An actor's stacks, outermost call first, as a reader follows them.
Json flow_of(const Finding& finding, std::size_t from, std::size_t to) {
  Json steps = Json::array();
  for (std::size_t i = from; i < to; ++i) {
    const Participant& participant = finding.participants[i];
    const std::vector<std::size_t> shown = user_frames(participant.stack);
    for (auto at = shown.rbegin(); at != shown.rend() && steps.size() < kMostSteps; ++at) {
      const Frame& frame = *participant.stack[*at];
      Json location = location_of(frame);
      std::string words = frame.function.empty() ? place_words(frame) : short_name(frame.function);
      if (at + 1 == shown.rend()) {
        const std::string doing = participant.note.empty() ? participant_words(finding, participant) : participant.note;
        if (!doing.empty()) words += ": " + plain_words(doing);
      }
      location["message"]["text"] = plain_words(words);
      steps.push_back({{"location", std::move(location)}});
    }
  }
  return {{"id", actor_words(finding.participants[from].actor)}, {"locations", std::move(steps)}};
}

Json result_of(const Finding& finding, std::size_t rule) {
  std::string words = plain_words(capitalised(finding.title)) + ".";
  if (!finding.message.empty()) words += " " + plain_words(capitalised(finding.message)) + ".";
  if (!finding.hint.empty()) words += " " + plain_words(capitalised(finding.hint));
  Json result = {{"ruleId", finding.kind},
                 {"ruleIndex", rule},
                 {"level", finding.level == Level::Error ? "error" : "warning"},
                 {"message", {{"text", words}}},
                 {"occurrenceCount", std::max<std::uint64_t>(1, finding.count)},
                 {"partialFingerprints", {{"vigil/v1", finding.fingerprint}}}};
  Json locations = Json::array();
  Json flows = Json::array();
  for (std::size_t from = 0; from < finding.participants.size();) {
    const Participant& first = finding.participants[from];
    std::size_t to = from + 1;
    while (to < finding.participants.size() && finding.participants[to].actor.id == first.actor.id &&
           finding.participants[to].actor.type == first.actor.type)
      ++to;
    const Frame* frame = first_user_frame(first.stack);
    if (locations.empty() && frame != nullptr && !frame->file.empty()) locations.push_back(location_of(*frame));
    Json flow = flow_of(finding, from, to);
    if (!flow["locations"].empty()) flows.push_back(std::move(flow));
    from = to;
  }
  if (!locations.empty()) result["locations"] = std::move(locations);
  if (!flows.empty()) result["codeFlows"] = Json::array({{{"threadFlows", std::move(flows)}}});
  if (finding.known) result["baselineState"] = "unchanged";
  result["properties"] = {{"predicted", finding.predicted}, {"suppression", finding.suppression}};
  return result;
}

}  // namespace

std::string render_sarif(const Report& report) {
  Json rules = Json::array();
  std::vector<std::string> known;
  Json results = Json::array();
  for (const Finding& finding : report.findings) {
    if (results.size() == kMostResults) break;
    auto rule = static_cast<std::size_t>(std::find(known.begin(), known.end(), finding.kind) - known.begin());
    if (rule == known.size()) {
      known.push_back(finding.kind);
      Json entry = {{"id", finding.kind},
                    {"defaultConfiguration", {{"level", finding.level == Level::Error ? "error" : "warning"}}}};
      if (const Kind* kind = find_kind(finding.kind)) {
        entry["shortDescription"]["text"] = capitalised(std::string(kind->one));
        entry["help"]["text"] = std::string(kind->hint);
      }
      rules.push_back(std::move(entry));
    }
    results.push_back(result_of(finding, rule));
  }
  Json driver = {{"name", "vigil"}, {"rules", std::move(rules)}};
  if (!report.vigil_version.empty()) driver["version"] = report.vigil_version;
  const Json invocation = {{"executionSuccessful", report.program.end == "exit" && report.program.exit_code == 0},
                           {"commandLine", command_words(report.program)},
                           {"exitCode", report.program.exit_code}};
  const Json run = {{"tool", {{"driver", std::move(driver)}}},
                    {"invocations", Json::array({invocation})},
                    {"columnKind", "utf16CodeUnits"},
                    {"results", std::move(results)}};
  const Json sarif = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
  return sarif.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vigil::reports
