#include "reports/render/json.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "reports/model/kind.hpp"

namespace vigil::reports {
namespace {

using Json = nlohmann::ordered_json;

Json frames_json(const Stack& stack) {
  Json frames = Json::array();
  for (const FrameRef& frame : stack) {
    frames.push_back({{"function", frame->function},
                      {"file", frame->file},
                      {"line", frame->line},
                      {"module", frame->module},
                      {"offset", frame->offset},
                      {"inlined", frame->inlined}});
  }
  return frames;
}

Json object_json(const Object& object) {
  return {{"id", object.id},
          {"type", object.type},
          {"name", object.name},
          {"capacity", object.capacity},
          {"created_at", frames_json(object.created_at)}};
}

Json actor_json(const Actor& actor) {
  return {{"id", actor.id},
          {"type", actor.type},
          {"name", actor.name},
          {"state", actor.state},
          {"created_at", frames_json(actor.created_at)}};
}

Json participant_json(const Participant& participant, const Finding& finding) {
  Json held = Json::array();
  for (const std::size_t index : participant.held) held.push_back(finding.objects[index].id);
  Json json = {
      {"role", participant.role}, {"actor", actor_json(participant.actor)}, {"operation", participant.operation}};
  json["object"] =
      participant.object < 0 ? Json() : Json(finding.objects[static_cast<std::size_t>(participant.object)].id);
  json["held"] = std::move(held);
  json["stack"] = frames_json(participant.stack);
  if (participant.waited_ms >= 0) json["waited_ms"] = participant.waited_ms;
  if (!participant.note.empty()) json["note"] = participant.note;
  return json;
}

Json timeline_json(const Timeline& timeline) {
  Json lanes = Json::array();
  for (const Timeline::Lane& lane : timeline.lanes) {
    Json spans = Json::array();
    for (const Timeline::Span& span : lane.spans) {
      Json json = {{"from", span.from}, {"to", span.to}, {"state", span.state}};
      if (!span.operation.empty()) json["operation"] = span.operation;
      if (!span.object.empty()) json["object"] = span.object;
      spans.push_back(std::move(json));
    }
    lanes.push_back({{"actor", actor_json(lane.actor)}, {"spans", std::move(spans)}});
  }
  return {{"at", timeline.at}, {"lanes", std::move(lanes)}};
}

Json finding_json(const Finding& finding) {
  Json json = {{"kind", finding.kind},
               {"level", finding.level == Level::Error ? "error" : "warning"},
               {"predicted", finding.predicted},
               {"proved", finding.proved},
               {"fingerprint", finding.fingerprint},
               {"title", finding.title},
               {"message", finding.message},
               {"hint", finding.hint},
               {"count", finding.count}};
  Json participants = Json::array();
  for (const Participant& participant : finding.participants)
    participants.push_back(participant_json(participant, finding));
  json["participants"] = std::move(participants);
  Json objects = Json::array();
  for (const Object& object : finding.objects) objects.push_back(object_json(object));
  json["objects"] = std::move(objects);
  json["suppression"] = finding.suppression;
  if (!finding.test.empty()) json["test"] = finding.test;
  if (finding.known) json["known"] = true;
  if (!finding.timeline.lanes.empty()) json["timeline"] = timeline_json(finding.timeline);
  return json;
}

Json graph_json(const Graph& graph) {
  Json nodes = Json::array();
  for (const Graph::Node& node : graph.nodes) nodes.push_back({{"id", node.id}, {"label", node.label}});
  Json edges = Json::array();
  for (const Graph::Edge& edge : graph.edges)
    edges.push_back({{"from", edge.from}, {"to", edge.to}, {"label", edge.label}});
  return {{"nodes", std::move(nodes)}, {"edges", std::move(edges)}};
}

Json state_json(const StateEntry& entry) {
  return {{"actor", actor_json(entry.actor)},
          {"operation", entry.operation},
          {"object", entry.object.empty() ? Json() : object_json(entry.object.front())},
          {"stack", frames_json(entry.stack)},
          {"waited_ms", entry.waited_ms},
          {"count", entry.count}};
}

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class List, class Make>
void write_list(std::ostream& out, const char* name, const List& list, Make&& make) {
  out << ",\n\"" << name << "\":[";
  const char* separator = "\n";
  for (const auto& element : list) {
    out << separator << dumped(make(element));
    separator = ",\n";
  }
  out << "]";
}

}  // namespace

void write_json(const Report& report, std::ostream& out) {
  const Summary summary = summary_of(report);
  std::map<std::string, std::uint64_t> by_kind;
  for (const Finding& finding : report.findings) ++by_kind[finding.kind];
  const Program& program = report.program;
  out << "{\"schema\":\"vigil-report/1\"";
  out << ",\n\"program\":"
      << dumped({{"path", program.path},
                 {"args", program.args},
                 {"cwd", program.cwd},
                 {"pid", program.pid},
                 {"exit_code", program.exit_code},
                 {"signal", program.signal},
                 {"end", program.end}});
  out << ",\n\"engine\":" << dumped(report.engine);
  out << ",\n\"vigil\":" << dumped(report.vigil_version);
  out << ",\n\"started_at\":" << report.started_at;
  out << ",\n\"options\":" << dumped(report.options);
  out << ",\n\"summary\":"
      << dumped({{"errors", summary.errors},
                 {"warnings", summary.warnings},
                 {"by_kind", by_kind},
                 {"suppressed", report.suppressed},
                 {"known", summary.known()},
                 {"verdict", verdict_of(report)}});
  out << ",\n\"tasks\":"
      << dumped({{"started", report.tasks.started},
                 {"finished", report.tasks.finished},
                 {"peak_alive", report.tasks.peak_alive},
                 {"alive_at_end", report.tasks.alive_at_end}});
  write_list(out, "findings", report.findings, finding_json);
  out << ",\n\"lock_order\":" << dumped(graph_json(report.lock_order));
  out << ",\n\"wait_for\":" << dumped(graph_json(report.wait_for));
  write_list(out, "state", report.state, state_json);
  out << ",\n\"notes\":" << dumped(report.notes) << "}\n";
}

}  // namespace vigil::reports
