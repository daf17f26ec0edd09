#include "reports/load/record_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

#include "reports/load/crc32.hpp"
#include "reports/load/json_values.hpp"
#include "reports/load/line_reader.hpp"

namespace vigil::reports {
namespace {

constexpr std::string_view kFormat = "vigil-record/1";
constexpr std::size_t kMostModules = 100000;

bool checksum_holds(std::string_view line) noexcept {
  constexpr std::string_view kMember = ",\"crc\":\"";
  constexpr std::size_t kTail = kMember.size() + 8 + 2;  // and "}
  if (line.size() <= kTail || !line.ends_with("\"}")) return false;
  const std::string_view body = line.substr(0, line.size() - kTail);
  const std::string_view tail = line.substr(body.size());
  if (!tail.starts_with(kMember)) return false;
  const std::string_view digits = tail.substr(kMember.size(), 8);
  std::uint32_t expected = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), expected, 16);
  return error == std::errc() && end == digits.data() + digits.size() && crc32(body) == expected;
}

std::uint64_t hex_of(const Json& object, const char* name) {
  std::string text = text_of(object, name);
  std::string_view digits = text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() ? value : 0;
}

void read_header(const Json& line, RecordFile& record) {
  const Json& program = member(line, "program");
  record.program.path = text_of(program, "path");
  record.program.cwd = text_of(program, "cwd");
  record.program.pid = number_of(program, "pid");
  for_each(member(program, "args"), [&](const Json& arg) {
    if (arg.is_string()) record.program.args.push_back(arg.get<std::string>());
  });
  record.engine = text_of(line, "engine", "none");
  if (record.engine != "native" && record.engine != "tsan") record.engine = "none";
  record.vigil_version = text_of(line, "vigil");
  record.options = text_of(line, "options");
  record.run = text_of(line, "run");
  record.started_at = number_of(line, "started_at");
}

void read_module(const Json& line, RecordFile& record) {
  if (record.modules.size() >= kMostModules) return;
  Module module;
  const std::uint64_t id = count_of(line, "id");
  if (id == 0 || id > UINT32_MAX) return;
  module.id = static_cast<std::uint32_t>(id);
  module.path = text_of(line, "path");
  module.build_id = text_of(line, "build_id");
  module.bias = hex_of(line, "bias");
  module.size = count_of(line, "size");
  module.role = text_of(line, "role", "library");
  record.modules[module.id] = std::move(module);
}

// A run writes one for each ring it meets while it runs and one at its end: together they are the graph. What is said
// again counts once, a node's later label for its earlier one.
class JoinedGraph {
 public:
  explicit JoinedGraph(Graph& empty) noexcept : graph_(empty) {}
  void add(const Json& line) {
    for_each(member(line, "nodes"), [&](const Json& node) {
      const auto [at, fresh] = nodes_.emplace(text_of(node, "id"), graph_.nodes.size());
      if (!fresh) {
        graph_.nodes[at->second].label = text_of(node, "label");
      } else if (graph_.nodes.size() < kMostElements) {
        graph_.nodes.push_back({at->first, text_of(node, "label")});
      } else {
        nodes_.erase(at);
      }
    });
    for_each(member(line, "edges"), [&](const Json& edge) {
      std::array<std::string, 3> now{text_of(edge, "from"), text_of(edge, "to"), text_of(edge, "label")};
      if (graph_.edges.size() >= kMostElements || !edges_.insert(now).second) return;
      graph_.edges.push_back({now[0], now[1], now[2]});
    });
  }

 private:
  Graph& graph_;
  std::map<std::string, std::size_t> nodes_;
  std::set<std::array<std::string, 3>> edges_;
};
struct Graphs {
  JoinedGraph lock_order;
  JoinedGraph wait_for;
};

void read_end(const Json& line, RecordFile& record) {
  constexpr std::array<std::string_view, 6> kEnds{"exit", "_exit", "abort", "signal", "deadlock", "deadline"};
  const std::string end = text_of(line, "end");
  record.ended = true;
  record.replaced = end == "exec";
  // The contract has no word for a process that became another program: for this one it is a normal end.
  record.program.end = record.replaced                                             ? "exit"
                       : std::find(kEnds.begin(), kEnds.end(), end) != kEnds.end() ? end
                                                                                   : "killed";
  record.program.exit_code = number_of(line, "exit_code");
  record.program.signal = number_of(line, "signal");
  record.dropped = count_of(line, "dropped");
  record.skipped = count_of(line, "skipped");
}

// An end counts when it is the last record only: after an exec that failed, or a halt that was suppressed, the program
// went on.
void undo_end(RecordFile& record) {
  record.ended = false;
  record.replaced = false;
  record.program.end = "killed";
  record.program.exit_code = 0;
  record.program.signal = 0;
}

// False when the line is no record this reader can use.
bool read_line(std::string_view line, RecordFile& record, Graphs& graphs, bool& header_seen, std::string& error) {
  if (!line.starts_with('{') || !checksum_holds(line)) return false;
  const bool is_end = line.starts_with("{\"type\":\"end\"");
  if (record.ended && !is_end) undo_end(record);
  if (line.starts_with("{\"type\":\"finding\"")) {  // parsed later, once the modules are known
    if (record.findings.size() >= RecordFile::kMostFindings) {
      record.too_big = true;
    } else {
      record.findings.emplace_back(line);
    }
    return true;
  }
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return false;
  const std::string type = text_of(json, "type");
  if (type == "header") {
    const std::string format = text_of(json, "format");
    if (format != kFormat) {
      error = fmt::format("is a record of format '{}'; this vigil reads '{}'", format, kFormat);
      return false;
    }
    if (!header_seen) read_header(json, record);
    header_seen = true;
  } else if (type == "module") {
    read_module(json, record);
  } else if (type == "finding") {
    if (record.findings.size() < RecordFile::kMostFindings) record.findings.emplace_back(line);
  } else if (type == "repeat") {
    if (record.repeats.size() < RecordFile::kMostFindings) {
      std::uint64_t& total = record.repeats[count_of(json, "finding")];
      total = std::max(total, count_of(json, "count"));
    }
  } else if (type == "tasks") {
    record.tasks = Tasks{count_of(json, "started"), count_of(json, "finished"), count_of(json, "peak_alive"),
                         count_of(json, "alive_at_end")};
  } else if (type == "state") {
    record.state = line;
  } else if (type == "timeline") {
    if (record.timelines.size() < RecordFile::kMostTimelines)
      record.timelines[count_of(json, "finding")] = line;
    else
      record.too_big = true;
  } else if (type == "lock_order") {
    graphs.lock_order.add(json);
  } else if (type == "wait_for") {
    graphs.wait_for.add(json);
  } else if (type == "end") {
    read_end(json, record);
  }  // else: a newer shim's, which this reader may do without
  return true;
}

}  // namespace

std::optional<RecordFile> read_record_file(const std::string& path, std::string& error) {
  LineReader reader(path);
  if (!reader.error().empty()) {
    error = reader.error();
    return std::nullopt;
  }
  RecordFile record;
  Graphs graphs{JoinedGraph(record.lock_order), JoinedGraph(record.wait_for)};
  bool header_seen = false;
  bool any = false;
  std::string wrong_format;
  std::string_view line;
  while (reader.next(line)) {
    any = true;
    if (!read_line(line, record, graphs, header_seen, wrong_format)) ++record.damaged;
    if (!wrong_format.empty() && !header_seen) {
      error = fmt::format("{} {}", path, wrong_format);
      return std::nullopt;
    }
  }
  record.damaged += reader.too_long();
  record.too_big = record.too_big || reader.stopped_early();
  if (!header_seen) {
    error = any ? fmt::format("{} has no readable header: it is no vigil record, or its beginning is damaged", path)
                : fmt::format("{} is empty", path);
    return std::nullopt;
  }
  return record;
}

}  // namespace vigil::reports
