// What the viewer reads: the report in words, with texts, frames, stacks and source lines kept once each and referred
// to by number. reports/viewer/src/data.ts is the other side and says what each member means; the two are built into
// one file, so they need no version.
#include <fmt/core.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reports/model/cyclic_part.hpp"
#include "reports/model/function_name.hpp"
#include "reports/model/kind.hpp"
#include "reports/model/phrases.hpp"
#include "reports/render/deflate.hpp"
#include "reports/render/html/card.hpp"
#include "reports/render/html/script_json.hpp"
#include "reports/render/words.hpp"

namespace vigil::reports::html {
namespace {

// A bigger graph is no drawing any more, and laying it out would stop the page for seconds.
constexpr std::size_t kMostNodes = 60;
constexpr std::size_t kMostEdges = 120;

class DataWriter {
 public:
  explicit DataWriter(const Context& context) : context_(context) {}

  void write(ScriptJson& out, const std::vector<IndexEntry>* runs) {
    const Report& report = context_.report;
    out.open('{');
    out.key("mood").text(mood_of(report).text());
    out.key("verdict").text(verdict_of(report));
    if (runs == nullptr) {
      out.key("program").text(report.program.path.substr(report.program.path.find_last_of('/') + 1));
      out.key("pid").number(report.program.pid).key("date").text(date_of(report));
      out.key("reproduce").text(reproduce_words(report));
    }
    out.key("version").text(report.vigil_version);
    out.key("root").text(context_.paths.root());
    out.key("facts").open('[');
    if (runs == nullptr) {
      for (const Fact& fact : facts_of(report)) {
        out.open('[').text(fact.name.text()).text(fact.value).number(fact.is_code ? 1 : 0).close(']');
      }
    }
    out.close(']').key("notes").open('[');
    for (const std::string& note : report.notes) out.text(note);
    out.close(']');
    static const std::vector<IndexEntry> kNone;
    write_runs(out, runs == nullptr ? kNone : *runs);
    out.key("findings").open('[');
    for (const Finding& finding : report.findings) write_finding(out, finding);
    out.close(']').key("state").open('[');
    for (const StateEntry& entry : report.state) {
      const StateCard card = state_card_of(entry);
      out.open('{').key("actor").number(text(card.actor)).key("doing").number(text(card.doing));
      out.key("stack").number(stack(entry.stack)).key("count").number(entry.count).close('}');
    }
    out.close(']').key("graphs").open('[');
    write_graph(out, "Wait-for graph", "who waits for whom when the program ended", report.wait_for);
    write_graph(out, "Lock order", "the locks that were taken in a cyclic order", report.lock_order);
    out.close(']');
    write_tables(out);
    out.close('}');
  }

 private:
  std::size_t text(std::string_view value) {
    const auto [at, fresh] = text_ids_.try_emplace(std::string(value), text_ids_.size());
    if (fresh) texts_.text(value);
    return at->second;
  }

  std::int64_t snippet(const Frame& frame) {
    const Snippet* snippet = context_.sources.find(frame);
    if (snippet == nullptr) return -1;
    const auto [at, fresh] = snippet_ids_.try_emplace(snippet, snippet_ids_.size());
    if (fresh) {
      snippets_.open('[').number(snippet->first_line).number(snippet->marked).number(snippet->may_have_changed ? 1 : 0);
      bool in_comment = false;
      for (const std::string& line : snippet->lines) {
        snippets_.open('[');
        for (const CodePart& part : code_parts(line, in_comment)) {
          const char kind = static_cast<char>(part.kind);
          snippets_.text(std::string_view(&kind, 1)).text(part.text);
        }
        snippets_.close(']');
      }
      snippets_.close(']');
    }
    return static_cast<std::int64_t>(at->second);
  }

  std::size_t frame(const FrameRef& ref) {
    const Frame& frame = *ref;
    const auto known = frame_ids_.find(&frame);
    if (known != frame_ids_.end()) return known->second;
    const std::string name = short_name(frame.function);
    ScriptJson one;
    one.open('[').number(text(name)).number(text(frame.function));
    one.number(text(frame.file.empty() ? place_words(frame) : frame.file)).number(frame.line);
    one.number((frame.library ? 1U : 0U) | (frame.inlined ? 2U : 0U)).number(snippet(frame)).close(']');
    // The same place under another address is the same to a reader.
    const auto [at, fresh] = frame_texts_.try_emplace(one.text(), frame_texts_.size());
    if (fresh) frames_.part(at->first);
    frame_ids_.emplace(&frame, at->second);
    return at->second;
  }

  std::size_t stack(const Stack& stack) {
    ScriptJson one;
    one.open('[');
    for (const FrameRef& ref : stack) one.number(frame(ref));
    one.close(']');
    const auto [at, fresh] = stack_ids_.try_emplace(one.text(), stack_ids_.size());
    if (fresh) stacks_.part(at->first);
    return at->second;
  }

  static void write_runs(ScriptJson& out, const std::vector<IndexEntry>& runs) {
    out.key("runs").open('[');
    for (const IndexEntry& run : runs) {
      out.open('{').key("name").text(run.name).key("link").text(run.link).key("verdict").text(run.verdict);
      out.key("level").number(run.errors != 0 ? 2 : run.warnings != 0 ? 1 : 0);
      out.key("ended").text(run.how_it_ended).key("command").text(run.command).close('}');
    }
    out.close(']');
  }

  void write_column(ScriptJson& out, const Finding& finding, const Card::Column& column) {
    out.open('{').key("actor").number(text(column.actor));
    if (!column.role.empty()) out.key("role").number(text(column.role));
    if (column.created_at != nullptr)
      out.key("started").number(text(column.started)).key("created").number(stack(*column.created_at));
    out.key("steps").open('[');
    for (const Card::Step& step : column.steps) {
      const Participant& participant = finding.participants[step.participant];
      out.open('{').key("stack").number(stack(*step.stack));
      if (!step.doing.empty()) out.key("doing").number(text(step.doing));
      if (!step.held.empty()) out.key("held").number(text(step.held));
      if (!participant.operation.empty()) out.key("operation").number(text(participant.operation));
      if (participant.object >= 0) out.key("thing").number(participant.object);
      out.close('}');
    }
    out.close(']').close('}');
  }

  void write_ring(ScriptJson& out, const Ring& ring) {
    out.key("ring").open('[');
    for (std::size_t i = 0; i < ring.nodes.size(); ++i) {
      const Ring::Node& node = ring.nodes[i];
      out.open('{').key("name").number(text(node.name)).key("detail").number(text(node.detail));
      if (node.is_actor) out.key("actor").yes();
      out.key("label").number(text(ring.labels[i])).key("shown").number(ring.shown_by[i]).close('}');
    }
    out.close(']');
  }

  void write_timeline(ScriptJson& out, const Timeline& timeline) {
    out.key("timeline").open('{').key("at").number(timeline.at).key("lanes").open('[');
    for (const Timeline::Lane& lane : timeline.lanes) {
      out.open('{').key("actor").number(text(capitalised(actor_words(lane.actor)))).key("spans").open('[');
      for (const Timeline::Span& span : lane.spans) {
        std::string words = span.state;
        if (!span.operation.empty()) words += fmt::format(": {}", span.operation);
        if (!span.object.empty()) words += fmt::format(" {}", span.object);
        const int state = span.state == "running" ? 0 : span.state == "ready" ? 1 : 2;
        out.open('[').number(span.from).number(span.to).number(state).number(text(words)).close(']');
      }
      out.close(']').close('}');
    }
    out.close(']').close('}');
  }

  void write_finding(ScriptJson& out, const Finding& finding) {
    const Card card = card_of(context_, finding);
    out.open('{').key("kind").number(text(finding.kind));
    if (finding.level == Level::Error) out.key("error").yes();
    if (finding.predicted) out.key("predicted").yes();
    if (finding.proved) out.key("proved").yes();
    if (finding.known) out.key("known").yes();
    out.key("id").text(finding.fingerprint).key("title").number(text(card.title));
    if (!card.message.empty()) out.key("message").number(text(card.message));
    if (!card.why.empty()) out.key("why").number(text(card.why));
    if (!card.hint.empty()) out.key("hint").number(text(card.hint));
    if (!card.place.empty()) out.key("place").number(text(card.place));
    if (!card.module.empty()) out.key("module").number(text(card.module));
    if (!finding.suppression.empty()) out.key("suppression").number(text(finding.suppression));
    if (!finding.test.empty()) out.key("test").number(text(finding.test));
    if (finding.count != 1) out.key("count").number(finding.count);
    if (!finding.runs.empty()) {
      out.key("runs").open('[');
      for (const std::uint32_t run : finding.runs) out.number(run);
      out.close(']');
    }
    out.key("columns").open('[');
    for (const Card::Column& column : card.columns) write_column(out, finding, column);
    out.close(']');
    if (!card.things.empty()) {
      out.key("things").open('[');
      for (const Card::Thing& thing : card.things) {
        const Object& object = *thing.object;
        out.open('{').key("id").number(text(object.id)).key("type").number(text(object.type));
        out.key("words").number(text(thing.words)).key("capacity").number(object.capacity);
        if (!thing.made.empty())
          out.key("made").number(text(thing.made)).key("created").number(stack(object.created_at));
        out.close('}');
      }
      out.close(']');
    }
    if (card.ring) write_ring(out, *card.ring);
    if (!finding.timeline.lanes.empty()) write_timeline(out, finding.timeline);
    out.close('}');
  }

  // The part on cycles, drawn when it is small; else its size is all that is said.
  static void write_graph(ScriptJson& out, std::string_view name, std::string_view what, const Graph& graph) {
    const Graph cycles = cyclic_part(graph);
    if (cycles.nodes.empty()) return;
    const bool small = cycles.nodes.size() <= kMostNodes && cycles.edges.size() <= kMostEdges;
    const Graph drawn = small ? cycles : Graph();
    out.open('{').key("name").text(name).key("what").text(what);
    out.key("all").open('[').number(graph.nodes.size()).number(graph.edges.size()).close(']');
    out.key("cyclic").open('[').number(cycles.nodes.size()).number(cycles.edges.size()).close(']');
    out.key("nodes").open('[');
    for (const Graph::Node& node : drawn.nodes)
      out.open('[').text(node.id).text(node.label.empty() ? node.id : node.label).close(']');
    out.close(']').key("edges").open('[');
    for (const Graph::Edge& edge : drawn.edges) out.open('[').text(edge.from).text(edge.to).text(edge.label).close(']');
    out.close(']').close('}');
  }

  void write_tables(ScriptJson& out) const {
    const auto table = [&](const ScriptJson& elements) { out.open('[').part(elements.text()).close(']'); };
    out.key("texts");
    table(texts_);
    out.key("frames");
    table(frames_);
    out.key("stacks");
    table(stacks_);
    out.key("snippets");
    table(snippets_);
  }

  const Context& context_;
  ScriptJson texts_;  // the elements of each table, in the order of their numbers
  ScriptJson frames_;
  ScriptJson stacks_;
  ScriptJson snippets_;
  std::unordered_map<std::string, std::size_t> text_ids_;
  std::unordered_map<const Frame*, std::size_t> frame_ids_;
  std::unordered_map<std::string, std::size_t> frame_texts_;
  std::unordered_map<std::string, std::size_t> stack_ids_;
  std::unordered_map<const Snippet*, std::size_t> snippet_ids_;
};

}  // namespace

void write_data(HtmlWriter& out, const Context& context, const std::vector<IndexEntry>* runs) {
  // Small data can be read by whoever opens the file; of 10,000 findings' data an eighth is left.
  constexpr std::size_t kBig = std::size_t{1} << 19U;
  ScriptJson json;
  DataWriter(context).write(json, runs);
  if (json.text().size() < kBig) {
    out << "<script type=\"application/json\" id=\"data\">" << json << "</script>";
  } else {
    out << "<script type=\"text/plain\" id=\"data\" data-form=\"deflate\">"
        << Base64{deflated(json.text(), DeflateForm::Zlib)} << "</script>";
  }
}

}  // namespace vigil::reports::html
