// Tarjan's algorithm (SIAM J. Computing 1, 1972), with a stack of its own: a chain of ten thousand nodes must not end
// ours.
#include "reports/model/cyclic_part.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace vigil::reports {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

class Components {
 public:
  explicit Components(std::vector<std::vector<std::size_t>> successors)
      : successors_(std::move(successors)),
        order_(successors_.size(), kNone),
        low_(successors_.size(), 0),
        component_(successors_.size(), kNone) {
    for (std::size_t node = 0; node < successors_.size(); ++node) {
      if (order_[node] == kNone) visit(node);
    }
  }

  [[nodiscard]] bool together(std::size_t a, std::size_t b) const noexcept { return component_[a] == component_[b]; }

 private:
  void enter(std::size_t node) {
    order_[node] = low_[node] = next_++;
    open_.push_back(node);
    path_.push_back({node, 0});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!path_.empty()) {
      const std::size_t node = path_.back().first;
      if (path_.back().second < successors_[node].size()) {
        const std::size_t to = successors_[node][path_.back().second++];
        if (order_[to] == kNone) {
          enter(to);
        } else if (component_[to] == kNone) {
          low_[node] = std::min(low_[node], order_[to]);
        }
        continue;
      }
      path_.pop_back();
      if (!path_.empty()) low_[path_.back().first] = std::min(low_[path_.back().first], low_[node]);
      if (low_[node] != order_[node]) continue;
      while (true) {  // node is the first of its component that was met: all opened after it belong to it
        const std::size_t member = open_.back();
        open_.pop_back();
        component_[member] = node;
        if (member == node) break;
      }
    }
  }

  std::vector<std::vector<std::size_t>> successors_;
  std::vector<std::size_t> order_;      // in which a node was met; kNone: not yet
  std::vector<std::size_t> low_;        // the earliest open node that it reaches
  std::vector<std::size_t> component_;  // the first node of its component; kNone: still open
  std::vector<std::size_t> open_;
  std::vector<std::pair<std::size_t, std::size_t>> path_;  // node, and which successor comes next
  std::size_t next_ = 0;
};

}  // namespace

Graph cyclic_part(const Graph& graph) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) index.emplace(graph.nodes[i].id, i);
  std::vector<std::vector<std::size_t>> successors(graph.nodes.size());
  const auto find = [&](const std::string& id) {
    const auto at = index.find(id);
    return at == index.end() ? kNone : at->second;
  };
  for (const Graph::Edge& edge : graph.edges) {
    const std::size_t from = find(edge.from);
    const std::size_t to = find(edge.to);
    if (from != kNone && to != kNone) successors[from].push_back(to);
  }
  const Components components(std::move(successors));
  Graph part;
  std::vector<bool> kept(graph.nodes.size(), false);
  for (const Graph::Edge& edge : graph.edges) {
    const std::size_t from = find(edge.from);
    const std::size_t to = find(edge.to);
    if (from == kNone || to == kNone || !components.together(from, to)) continue;
    part.edges.push_back(edge);
    kept[from] = kept[to] = true;
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (kept[i]) part.nodes.push_back(graph.nodes[i]);
  }
  return part;
}

}  // namespace vigil::reports
