// Written piece by piece, neither as a tree nor as one text: of 10,000 findings that is tens of megabytes, and where
// names are long hundreds, and a program's end waits for it. A frame's text is made once and copied where it comes
// again, which is most of the time.
#include "reports/render/json.hpp"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "reports/model/kind.hpp"
#include "reports/render/json_text.hpp"

namespace vigil::reports {
namespace {

class ReportWriter {
 public:
  ReportWriter(const Report& report, const TextOut& out) : report_(report), out_(out) {}

  void write() && {
    json_.open('{').key("schema").text("vigil-report/1");
    program();
    json_.line().key("engine").text(report_.engine);
    json_.line().key("vigil").text(report_.vigil_version);
    json_.line().key("started_at").number(report_.started_at);
    json_.line().key("options").text(report_.options);
    summary();
    const Tasks& tasks = report_.tasks;
    json_.line().key("tasks").open('{').key("started").number(tasks.started).key("finished").number(tasks.finished);
    json_.key("peak_alive").number(tasks.peak_alive).key("alive_at_end").number(tasks.alive_at_end).close('}');
    json_.line().key("findings").open('[');
    for (const Finding& each : report_.findings) {
      finding(each);
      if (json_.text().size() >= kMostHeld) hand_over();
    }
    json_.close(']').line().key("lock_order");
    graph(report_.lock_order);
    json_.line().key("wait_for");
    graph(report_.wait_for);
    json_.line().key("state").open('[');
    for (const StateEntry& entry : report_.state) state(entry);
    json_.close(']').line().key("notes");
    texts(report_.notes);
    json_.close('}').end_line();
    hand_over();
  }

 private:
  static constexpr std::size_t kMostHeld = std::size_t{1} << 20U;  // bytes, and what one more finding takes

  void hand_over() {
    out_(json_.text());
    json_.clear();
  }

  void program() {
    const Program& program = report_.program;
    json_.line().key("program").open('{').key("path").text(program.path).key("args");
    texts(program.args);
    json_.key("cwd").text(program.cwd).key("pid").number(program.pid).key("exit_code").number(program.exit_code);
    json_.key("signal").number(program.signal).key("end").text(program.end).close('}');
  }

  void summary() {
    const Summary summary = summary_of(report_);
    std::map<std::string_view, std::uint64_t> by_kind;
    for (const Finding& each : report_.findings) ++by_kind[each.kind];
    json_.line().key("summary").open('{').key("errors").number(summary.errors).key("warnings").number(summary.warnings);
    json_.key("by_kind").open('{');
    for (const auto& [kind, count] : by_kind) json_.key(kind).number(count);
    json_.close('}').key("suppressed").number(report_.suppressed).key("known").number(summary.known());
    json_.key("verdict").text(verdict_of(report_)).close('}');
  }

  void texts(const std::vector<std::string>& list) {
    json_.open('[');
    for (const std::string& text : list) json_.text(text);
    json_.close(']');
  }

  void stack(const Stack& stack) {
    json_.open('[');
    for (const FrameRef& ref : stack) frame(*ref);
    json_.close(']');
  }

  void frame(const Frame& frame) {
    const auto [known, fresh] = written_.try_emplace(&frame);
    if (fresh) {
      JsonText<PlainEscape> one;
      one.open('{').key("function").text(frame.function).key("file").text(frame.file).key("line").number(frame.line);
      one.key("module").text(frame.module).key("offset").number(frame.offset);
      one.key("inlined").boolean(frame.inlined).close('}');
      known->second = std::move(one).text();
    }
    json_.part(known->second);
  }

  void object(const Object& object) {
    json_.open('{').key("id").text(object.id).key("type").text(object.type).key("name").text(object.name);
    json_.key("capacity").number(object.capacity).key("created_at");
    stack(object.created_at);
    json_.close('}');
  }

  void actor(const Actor& actor) {
    json_.open('{').key("id").number(actor.id).key("type").text(actor.type).key("name").text(actor.name);
    json_.key("state").text(actor.state).key("created_at");
    stack(actor.created_at);
    json_.close('}');
  }

  void participant(const Participant& participant, const Finding& finding) {
    json_.open('{').key("role").text(participant.role).key("actor");
    actor(participant.actor);
    json_.key("operation").text(participant.operation).key("object");
    if (participant.object < 0) {
      json_.null();
    } else {
      json_.text(finding.objects[static_cast<std::size_t>(participant.object)].id);
    }
    json_.key("held").open('[');
    for (const std::size_t index : participant.held) json_.text(finding.objects[index].id);
    json_.close(']').key("stack");
    stack(participant.stack);
    if (participant.waited_ms >= 0) json_.key("waited_ms").number(participant.waited_ms);
    if (!participant.note.empty()) json_.key("note").text(participant.note);
    json_.close('}');
  }

  void timeline(const Timeline& timeline) {
    json_.key("timeline").open('{').key("at").number(timeline.at).key("lanes").open('[');
    for (const Timeline::Lane& lane : timeline.lanes) {
      json_.open('{').key("actor");
      actor(lane.actor);
      json_.key("spans").open('[');
      for (const Timeline::Span& span : lane.spans) {
        json_.open('{').key("from").number(span.from).key("to").number(span.to).key("state").text(span.state);
        if (!span.operation.empty()) json_.key("operation").text(span.operation);
        if (!span.object.empty()) json_.key("object").text(span.object);
        json_.close('}');
      }
      json_.close(']').close('}');
    }
    json_.close(']').close('}');
  }

  void finding(const Finding& finding) {
    json_.line().open('{').key("kind").text(finding.kind);
    json_.key("level").text(finding.level == Level::Error ? "error" : "warning");
    json_.key("predicted").boolean(finding.predicted).key("proved").boolean(finding.proved);
    json_.key("fingerprint").text(finding.fingerprint).key("title").text(finding.title);
    json_.key("message").text(finding.message).key("hint").text(finding.hint).key("count").number(finding.count);
    json_.key("participants").open('[');
    for (const Participant& each : finding.participants) participant(each, finding);
    json_.close(']').key("objects").open('[');
    for (const Object& each : finding.objects) object(each);
    json_.close(']').key("suppression").text(finding.suppression);
    if (!finding.test.empty()) json_.key("test").text(finding.test);
    if (finding.known) json_.key("known").yes();
    if (!finding.timeline.lanes.empty()) timeline(finding.timeline);
    json_.close('}');
  }

  void graph(const Graph& graph) {
    json_.open('{').key("nodes").open('[');
    for (const Graph::Node& node : graph.nodes)
      json_.open('{').key("id").text(node.id).key("label").text(node.label).close('}');
    json_.close(']').key("edges").open('[');
    for (const Graph::Edge& edge : graph.edges)
      json_.open('{').key("from").text(edge.from).key("to").text(edge.to).key("label").text(edge.label).close('}');
    json_.close(']').close('}');
  }

  void state(const StateEntry& entry) {
    json_.line().open('{').key("actor");
    actor(entry.actor);
    json_.key("operation").text(entry.operation).key("object");
    if (entry.object.empty()) {
      json_.null();
    } else {
      object(entry.object.front());
    }
    json_.key("stack");
    stack(entry.stack);
    json_.key("waited_ms").number(entry.waited_ms).key("count").number(entry.count).close('}');
  }

  const Report& report_;
  const TextOut& out_;
  JsonText<PlainEscape> json_;  // what was not handed over yet
  std::unordered_map<const Frame*, std::string> written_;
};

}  // namespace

void write_json(const Report& report, const TextOut& out) { ReportWriter(report, out).write(); }

std::string render_json(const Report& report) {
  std::string text;
  write_json(report, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace vigil::reports
