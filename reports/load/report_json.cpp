#include "reports/load/report_json.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include "reports/load/json_values.hpp"

namespace vigil::reports {
namespace {

constexpr std::uintmax_t kBiggestFile = std::uintmax_t{1} << 30U;  // bytes

class FromJson {
 public:
  Report report(const Json& json) {
    Report result;
    const Json& program = member(json, "program");
    result.program.path = text_of(program, "path");
    for_each(member(program, "args"), [&](const Json& arg) {
      if (arg.is_string()) result.program.args.push_back(arg.get<std::string>());
    });
    result.program.cwd = text_of(program, "cwd");
    result.program.pid = number_of(program, "pid");
    result.program.exit_code = number_of(program, "exit_code");
    result.program.signal = number_of(program, "signal");
    result.program.end = text_of(program, "end", "killed");
    result.engine = text_of(json, "engine", "none");
    result.vigil_version = text_of(json, "vigil");
    result.started_at = number_of(json, "started_at");
    result.options = text_of(json, "options");
    result.suppressed = count_of(member(json, "summary"), "suppressed");
    const Json& tasks = member(json, "tasks");
    result.tasks = {count_of(tasks, "started"), count_of(tasks, "finished"), count_of(tasks, "peak_alive"),
                    count_of(tasks, "alive_at_end")};
    for_each(member(json, "findings"), [&](const Json& element) { result.findings.push_back(finding(element)); });
    result.lock_order = graph(member(json, "lock_order"));
    result.wait_for = graph(member(json, "wait_for"));
    for_each(member(json, "state"), [&](const Json& element) { result.state.push_back(state(element)); });
    for_each(member(json, "notes"), [&](const Json& note) {
      if (note.is_string()) result.notes.push_back(note.get<std::string>());
    });
    return result;
  }

 private:
  Stack stack(const Json& json) {
    Stack result;
    for_each(json, [&](const Json& element) {
      Frame frame;
      frame.function = text_of(element, "function");
      frame.file = text_of(element, "file");
      const std::uint64_t line = count_of(element, "line");
      frame.line = line > UINT32_MAX ? 0 : static_cast<std::uint32_t>(line);
      frame.module = text_of(element, "module");
      frame.offset = count_of(element, "offset");
      frame.inlined = flag_of(element, "inlined");
      const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", frame.offset, frame.line, frame.inlined,
                                          frame.function, frame.file, frame.module);
      FrameRef& shared = frames_[key];
      if (!shared) shared = share_frame(std::move(frame));
      result.push_back(shared);
    });
    return result;
  }

  Actor actor(const Json& json) {
    Actor result;
    result.type = text_of(json, "type", "thread");
    result.id = count_of(json, "id");
    result.name = text_of(json, "name");
    result.state = text_of(json, "state");
    result.created_at = stack(member(json, "created_at"));
    return result;
  }

  Object object(const Json& json) {
    Object result;
    result.id = text_of(json, "id");
    result.type = text_of(json, "type", "other");
    result.name = text_of(json, "name");
    result.capacity = number_of(json, "capacity", -1);
    result.created_at = stack(member(json, "created_at"));
    return result;
  }

  Finding finding(const Json& json) {
    Finding result;
    result.kind = text_of(json, "kind", "unknown");
    result.level = text_of(json, "level") == "warning" ? Level::Warning : Level::Error;
    result.predicted = flag_of(json, "predicted");
    result.proved = flag_of(json, "proved");
    result.fingerprint = text_of(json, "fingerprint");
    result.title = text_of(json, "title");
    result.message = text_of(json, "message");
    result.hint = text_of(json, "hint");
    result.test = text_of(json, "test");
    result.count = count_of(json, "count", 1);
    result.suppression = text_of(json, "suppression");
    std::unordered_map<std::string, std::size_t> places;
    for_each(member(json, "objects"), [&](const Json& element) {
      result.objects.push_back(object(element));
      if (!result.objects.back().id.empty()) places.emplace(result.objects.back().id, result.objects.size() - 1);
    });
    for_each(member(json, "participants"), [&](const Json& element) {
      Participant participant;
      participant.role = text_of(element, "role");
      participant.actor = actor(member(element, "actor"));
      participant.operation = text_of(element, "operation");
      const auto at = places.find(text_of(element, "object"));
      if (at != places.end()) participant.object = static_cast<std::int64_t>(at->second);
      for_each(member(element, "held"), [&](const Json& id) {
        const auto held = id.is_string() ? places.find(id.get<std::string>()) : places.end();
        if (held != places.end()) participant.held.push_back(held->second);
      });
      participant.stack = stack(member(element, "stack"));
      participant.waited_ms = number_of(element, "waited_ms", -1);
      participant.note = text_of(element, "note");
      result.participants.push_back(std::move(participant));
    });
    const Json& timeline = member(json, "timeline");
    result.timeline.at = number_of(timeline, "at");
    for_each(member(timeline, "lanes"), [&](const Json& element) {
      Timeline::Lane lane{actor(member(element, "actor")), {}};
      for_each(member(element, "spans"), [&](const Json& span) {
        lane.spans.push_back({number_of(span, "from"), number_of(span, "to"), text_of(span, "state"),
                              text_of(span, "operation"), text_of(span, "object")});
      });
      result.timeline.lanes.push_back(std::move(lane));
    });
    return result;
  }

  static Graph graph(const Json& json) {
    Graph result;
    for_each(member(json, "nodes"), [&](const Json& node) {
      result.nodes.push_back({text_of(node, "id"), text_of(node, "label")});
    });
    for_each(member(json, "edges"), [&](const Json& edge) {
      result.edges.push_back({text_of(edge, "from"), text_of(edge, "to"), text_of(edge, "label")});
    });
    return result;
  }

  StateEntry state(const Json& json) {
    StateEntry result;
    result.actor = actor(member(json, "actor"));
    result.operation = text_of(json, "operation");
    if (member(json, "object").is_object()) result.object.push_back(object(member(json, "object")));
    result.stack = stack(member(json, "stack"));
    result.waited_ms = number_of(json, "waited_ms", -1);
    result.count = count_of(json, "count", 1);
    return result;
  }

  std::unordered_map<std::string, FrameRef> frames_;
};

}  // namespace

std::optional<Report> parse_report_json(std::string_view text, const std::string& path, std::string& error) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || text_of(json, "schema") != "vigil-report/1") {
    error = fmt::format("{} is no report of schema vigil-report/1", path);
    return std::nullopt;
  }
  return FromJson().report(json);
}

std::optional<Report> read_report_json(const std::string& path, std::string& error) {
  std::error_code problem;
  const std::uintmax_t size = std::filesystem::file_size(path, problem);
  std::ifstream in(path, std::ios::binary);
  if (problem || !in) {
    error = fmt::format("cannot read {}", path);
    return std::nullopt;
  }
  if (size > kBiggestFile) {
    error = fmt::format("{} is too big for a report ({} bytes)", path, size);
    return std::nullopt;
  }
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return parse_report_json(text, path, error);
}

}  // namespace vigil::reports
