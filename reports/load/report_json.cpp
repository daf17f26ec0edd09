#include "reports/load/report_json.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "reports/load/json_parts.hpp"
#include "reports/load/json_values.hpp"

namespace vigil::reports {
namespace {

constexpr off_t kBiggestFile = off_t{1} << 32;  // bytes

// Frames by what a report says of them, so that equal ones are one.
struct FrameHash {
  using is_transparent = void;
  std::size_t operator()(const Frame& frame) const noexcept {
    const std::hash<std::string_view> hash;
    std::size_t mixed = hash(frame.function) + frame.offset * 0x9E3779B97F4A7C15U + frame.line;
    for (const std::string_view text : {std::string_view(frame.file), std::string_view(frame.module)})
      mixed = mixed * 31 + hash(text);
    return mixed;
  }
  std::size_t operator()(const FrameRef& frame) const noexcept { return (*this)(*frame); }
};
struct FrameEqual {
  using is_transparent = void;
  bool operator()(const Frame& a, const Frame& b) const noexcept {
    return a.offset == b.offset && a.line == b.line && a.inlined == b.inlined && a.function == b.function &&
           a.file == b.file && a.module == b.module;
  }
  bool operator()(const FrameRef& a, const FrameRef& b) const noexcept { return (*this)(*a, *b); }
  bool operator()(const Frame& a, const FrameRef& b) const noexcept { return (*this)(a, *b); }
  bool operator()(const FrameRef& a, const Frame& b) const noexcept { return (*this)(*a, b); }
};

// The members of a report in whatever order they come.
class FromJson {
 public:
  explicit FromJson(TakeFinding take) : take_(std::move(take)) {}

  void member(const std::string& name, const Json& json) {
    if (name == "schema") {
      of_this_schema_ = json == "vigil-report/1";
    } else if (name == "program") {
      program(json);
    } else if (name == "engine") {
      if (json.is_string()) report_.engine = json.get<std::string>();
    } else if (name == "vigil") {
      if (json.is_string()) report_.vigil_version = json.get<std::string>();
    } else if (name == "options") {
      if (json.is_string()) report_.options = json.get<std::string>();
    } else if (name == "started_at") {
      if (json.is_number_integer()) report_.started_at = json.get<std::int64_t>();
    } else if (name == "summary") {
      report_.suppressed = count_of(json, "suppressed");
    } else if (name == "tasks") {
      report_.tasks = {count_of(json, "started"), count_of(json, "finished"), count_of(json, "peak_alive"),
                       count_of(json, "alive_at_end")};
    } else if (name == "lock_order") {
      report_.lock_order = graph(json);
    } else if (name == "wait_for") {
      report_.wait_for = graph(json);
    } else if (name == "notes") {
      for_each(json, [&](const Json& note) {
        if (note.is_string()) report_.notes.push_back(note.get<std::string>());
      });
    }
  }

  void element(const std::string& name, const Json& json) {
    if (name == "state") {
      report_.state.push_back(state(json));
    } else if (take_) {
      take_(finding(json));
    } else {
      report_.findings.push_back(finding(json));
    }
  }

  [[nodiscard]] bool is_report() const noexcept { return of_this_schema_; }
  Report report() { return std::move(report_); }

 private:
  void program(const Json& json) {
    Program& program = report_.program;
    program.path = text_of(json, "path");
    for_each(reports::member(json, "args"), [&](const Json& arg) {
      if (arg.is_string()) program.args.push_back(arg.get<std::string>());
    });
    program.cwd = text_of(json, "cwd");
    program.pid = number_of(json, "pid");
    program.exit_code = number_of(json, "exit_code");
    program.signal = number_of(json, "signal");
    program.end = text_of(json, "end", "killed");
  }

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
      auto shared = frames_.find(frame);
      if (shared == frames_.end()) shared = frames_.insert(share_frame(std::move(frame))).first;
      result.push_back(*shared);
    });
    return result;
  }

  Actor actor(const Json& json) {
    Actor result;
    result.type = text_of(json, "type", "thread");
    result.id = count_of(json, "id");
    result.name = text_of(json, "name");
    result.state = text_of(json, "state");
    result.created_at = stack(reports::member(json, "created_at"));
    return result;
  }

  Object object(const Json& json) {
    Object result;
    result.id = text_of(json, "id");
    result.type = text_of(json, "type", "other");
    result.name = text_of(json, "name");
    result.capacity = number_of(json, "capacity", -1);
    result.created_at = stack(reports::member(json, "created_at"));
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
    result.known = flag_of(json, "known");
    std::unordered_map<std::string, std::size_t> places;
    for_each(reports::member(json, "objects"), [&](const Json& element) {
      result.objects.push_back(object(element));
      if (!result.objects.back().id.empty()) places.emplace(result.objects.back().id, result.objects.size() - 1);
    });
    for_each(reports::member(json, "participants"), [&](const Json& element) {
      Participant participant;
      participant.role = text_of(element, "role");
      participant.actor = actor(reports::member(element, "actor"));
      participant.operation = text_of(element, "operation");
      const auto at = places.find(text_of(element, "object"));
      if (at != places.end()) participant.object = static_cast<std::int64_t>(at->second);
      for_each(reports::member(element, "held"), [&](const Json& id) {
        const auto held = id.is_string() ? places.find(id.get<std::string>()) : places.end();
        if (held != places.end()) participant.held.push_back(held->second);
      });
      participant.stack = stack(reports::member(element, "stack"));
      participant.waited_ms = number_of(element, "waited_ms", -1);
      participant.note = text_of(element, "note");
      result.participants.push_back(std::move(participant));
    });
    const Json& timeline = reports::member(json, "timeline");
    result.timeline.at = number_of(timeline, "at");
    for_each(reports::member(timeline, "lanes"), [&](const Json& element) {
      Timeline::Lane lane{actor(reports::member(element, "actor")), {}};
      for_each(reports::member(element, "spans"), [&](const Json& span) {
        lane.spans.push_back({number_of(span, "from"), number_of(span, "to"), text_of(span, "state"),
                              text_of(span, "operation"), text_of(span, "object")});
      });
      result.timeline.lanes.push_back(std::move(lane));
    });
    return result;
  }

  static Graph graph(const Json& json) {
    Graph result;
    for_each(reports::member(json, "nodes"), [&](const Json& node) {
      result.nodes.push_back({text_of(node, "id"), text_of(node, "label")});
    });
    for_each(reports::member(json, "edges"), [&](const Json& edge) {
      result.edges.push_back({text_of(edge, "from"), text_of(edge, "to"), text_of(edge, "label")});
    });
    return result;
  }

  StateEntry state(const Json& json) {
    StateEntry result;
    result.actor = actor(reports::member(json, "actor"));
    result.operation = text_of(json, "operation");
    if (reports::member(json, "object").is_object()) result.object.push_back(object(reports::member(json, "object")));
    result.stack = stack(reports::member(json, "stack"));
    result.waited_ms = number_of(json, "waited_ms", -1);
    result.count = count_of(json, "count", 1);
    return result;
  }

  TakeFinding take_;
  Report report_;
  bool of_this_schema_ = false;
  std::unordered_set<FrameRef, FrameHash, FrameEqual> frames_;
};

constexpr std::array<std::string_view, 2> kLists{"findings", "state"};

JsonVisitor visitor_of(FromJson& reader) {
  return {kLists, [&](const std::string& name, Json&& json) { reader.member(name, json); },
          [&](const std::string& name, Json&& json) { reader.element(name, json); }};
}

std::string no_report(const std::string& path) { return fmt::format("{} is no report of schema vigil-report/1", path); }

// The file at path, open for reading from its start; closed when it goes.
class ReportFile {
 public:
  ReportFile(const std::string& path, std::string& error)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat status {};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) {
      error = fmt::format("cannot read {}: {}", path, std::strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
      error = fmt::format("{} is not a regular file", path);
    } else if (status.st_size > kBiggestFile) {
      error = fmt::format("{} is too big for a report ({} bytes)", path, status.st_size);
    } else {
      usable_ = true;
    }
  }
  ~ReportFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  ReportFile(const ReportFile&) = delete;
  ReportFile& operator=(const ReportFile&) = delete;

  [[nodiscard]] bool usable() const noexcept { return usable_; }
  [[nodiscard]] bool read(const JsonVisitor& visitor) const {
    return ::lseek(fd_, 0, SEEK_SET) == 0 && read_json_parts(fd_, visitor);
  }

 private:
  int fd_;
  bool usable_ = false;
};

}  // namespace

std::optional<Report> parse_report_json(std::string_view text, const std::string& path, std::string& error) {
  FromJson reader({});
  if (read_json_parts(text, visitor_of(reader)) && reader.is_report()) return reader.report();
  error = no_report(path);
  return std::nullopt;
}

std::optional<Report> read_report_json(const std::string& path, std::string& error, const TakeFinding& take) {
  const ReportFile file(path, error);
  if (!file.usable()) return std::nullopt;
  if (take) {
    // What was handed over cannot be taken back: first see whether the file is whole.
    bool is_report = false;
    const JsonVisitor look{kLists,
                           [&](const std::string& name, Json&& json) {
                             if (name == "schema") is_report = json == "vigil-report/1";
                           },
                           {}};
    if (!file.read(look) || !is_report) {
      error = no_report(path);
      return std::nullopt;
    }
  }
  FromJson reader(take);
  if (file.read(visitor_of(reader)) && reader.is_report()) return reader.report();
  error = no_report(path);
  return std::nullopt;
}

}  // namespace vigil::reports
