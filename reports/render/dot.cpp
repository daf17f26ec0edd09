// Graphviz: the lock order and the wait-for graph, whole; what lies on a cycle is red and bold.
#include <fmt/core.h>

#include <set>
#include <tuple>

#include "reports/model/cyclic_part.hpp"
#include "reports/model/utf8.hpp"
#include "reports/render/forms.hpp"

namespace vigil::reports {
namespace {

// A quoted string of the language: only the quote and, for the labels' own escapes, the backslash mean anything.
std::string quoted(std::string_view prefix, std::string_view text) {
  std::string out = "\"";
  out += prefix;
  for (const char c : show_deceptive(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void add_graph(std::string& out, std::string_view name, std::string_view prefix, const Graph& graph) {
  if (graph.nodes.empty()) return;
  std::set<std::string> nodes;
  std::set<std::tuple<std::string, std::string, std::string>> edges;
  const Graph cycles = cyclic_part(graph);
  for (const Graph::Node& node : cycles.nodes) nodes.insert(node.id);
  for (const Graph::Edge& edge : cycles.edges) edges.insert({edge.from, edge.to, edge.label});
  constexpr std::string_view kMarked = ", color=red, penwidth=2";
  out += fmt::format("  subgraph {} {{\n    label={};\n", quoted("cluster_", name), quoted("", name));
  for (const Graph::Node& node : graph.nodes) {
    out += fmt::format("    {} [label={}{}];\n", quoted(prefix, node.id),
                       quoted("", node.label.empty() ? node.id : node.label), nodes.contains(node.id) ? kMarked : "");
  }
  for (const Graph::Edge& edge : graph.edges) {
    out += fmt::format("    {} -> {} [label={}{}];\n", quoted(prefix, edge.from), quoted(prefix, edge.to),
                       quoted("", edge.label), edges.contains({edge.from, edge.to, edge.label}) ? kMarked : "");
  }
  out += "  }\n";
}

}  // namespace

std::string render_dot(const Report& report) {
  std::string out =
      "digraph vigil {\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n";
  add_graph(out, "wait-for graph", "w ", report.wait_for);
  add_graph(out, "lock order", "l ", report.lock_order);
  return out + "}\n";
}

}  // namespace vigil::reports
