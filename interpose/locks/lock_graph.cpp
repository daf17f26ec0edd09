#include "interpose/locks/lock_graph.hpp"

#include <algorithm>
#include <cstdlib>

namespace vigil::shim::locks {
namespace {

bool exclude(LockMode one, LockMode other) noexcept {
  return one == LockMode::Exclusive || other == LockMode::Exclusive;
}

// Both lists are ordered by lock.
bool share_a_gate(const OwnVector<Gate>& one, const OwnVector<Gate>& other) noexcept {
  auto a = one.begin();
  auto b = other.begin();
  while (a != one.end() && b != other.end()) {
    if (a->lock < b->lock) {
      ++a;
    } else if (b->lock < a->lock) {
      ++b;
    } else if (exclude(a->mode, b->mode)) {
      return true;
    } else {
      ++a;
      ++b;
    }
  }
  return false;
}

}  // namespace

bool may_meet(const Witness& one, const Witness& other) noexcept {
  return one.actor != other.actor && !share_a_gate(one.gates, other.gates) &&
         !race::happened_before(one.at, other.past) && !race::happened_before(other.at, one.past);
}

// Depth first, for cycles of exactly `length` edges that begin with one given witness; only through nodes that
// lead back to where it starts.
class LockGraph::CycleSearch {
 public:
  CycleSearch(LockGraph& graph, OnCycle on_cycle, void* context) noexcept
      : on_cycle_(on_cycle), context_(context), mark_(++graph.search_) {}

  void run(Node& from, Node& to, const Witness& first) noexcept {
    const std::size_t leading = mark_all_leading_to(from);
    if (to.mark != mark_) return;
    goal_ = &from;
    cycle_.push_back({.from = from.id, .to = to.id, .witness = &first});
    path_.push_back(&from);
    path_.push_back(&to);
    for (length_ = 2; length_ <= leading && !stopped_; ++length_) {
      cut_ = false;
      extend(to);
      if (!cut_) return;  // there is no longer one
    }
  }

 private:
  std::size_t mark_all_leading_to(Node& goal) noexcept {
    OwnVector<Node*> open;
    open.push_back(&goal);
    goal.mark = mark_;
    std::size_t marked = 0;
    while (!open.empty()) {
      Node* const node = open.back();
      open.pop_back();
      ++marked;
      for (Node* const before : node->in) {
        if (before->mark == mark_) continue;
        before->mark = mark_;
        open.push_back(before);
      }
    }
    return marked;
  }

  void extend(Node& at) noexcept {
    for (const Edge& edge : at.out) {
      if (stopped_) return;
      Node& next = *edge.to;
      if (next.mark != mark_) continue;
      const bool closes = &next == goal_;
      if (closes != (cycle_.size() + 1 == length_)) {
        if (!closes) cut_ = true;
        continue;
      }
      if (!closes && std::find(path_.begin(), path_.end(), &next) != path_.end()) continue;
      for (const Witness& witness : edge.witnesses) {
        if (++steps_ > kMostSteps) stopped_ = true;
        if (stopped_) return;
        if (!fits(witness, closes)) continue;
        cycle_.push_back({.from = at.id, .to = next.id, .witness = &witness});
        if (closes) {
          if (!on_cycle_(cycle_, context_)) stopped_ = true;
        } else {
          path_.push_back(&next);
          extend(next);
          path_.pop_back();
        }
        cycle_.pop_back();
      }
    }
  }

  [[nodiscard]] bool fits(const Witness& witness, bool closes) const noexcept {
    if (!exclude(cycle_.back().witness->wanted_mode, witness.held_mode)) return false;
    if (closes && !exclude(witness.wanted_mode, cycle_.front().witness->held_mode)) return false;
    return std::all_of(cycle_.begin(), cycle_.end(),
                       [&](const CycleEdge& edge) { return may_meet(*edge.witness, witness); });
  }

  OnCycle on_cycle_;
  void* context_;
  std::uint64_t mark_;
  const Node* goal_ = nullptr;
  std::size_t length_ = 0;  // edges of the cycles looked for now
  std::size_t steps_ = 0;
  bool stopped_ = false;
  bool cut_ = false;  // a path was left because it would have been too long
  OwnVector<CycleEdge> cycle_;
  OwnVector<const Node*> path_;
};

LockGraph::~LockGraph() {
  for (const auto& [id, node] : nodes_) own_delete(node);
}

void LockGraph::add(LockId from, LockId to, Witness witness, OnCycle on_cycle, void* context) noexcept {
  Node& start = node_of(from);
  Node& end = node_of(to);
  Edge& edge = edge_of(start, end);
  std::size_t place = edge.witnesses.size();
  if (place < kMostWitnesses) {
    edge.witnesses.push_back(std::move(witness));
  } else {
    place = kFirstWitnesses + edge.seen % (kMostWitnesses - kFirstWitnesses);
    edge.witnesses[place] = std::move(witness);
  }
  ++edge.seen;
  if (back_edges_ == 0) return;  // no cycle anywhere
  CycleSearch(*this, on_cycle, context).run(start, end, edge.witnesses[place]);
}

LockGraph::Node& LockGraph::node_of(LockId lock) noexcept {
  Node*& node = nodes_[lock];
  if (node == nullptr) {
    node = own_new<Node>();
    node->id = lock;
    node->rank = ++last_rank_;
  }
  return *node;
}

LockGraph::Edge& LockGraph::edge_of(Node& from, Node& to) noexcept {
  for (Edge& edge : from.out) {
    if (edge.to == &to) return edge;
  }
  const bool is_back = !make_ranks_agree(from, to);
  from.out.push_back(Edge{.to = &to, .is_back = is_back, .seen = 0, .witnesses = {}});
  to.in.push_back(&from);
  ++edges_;
  if (is_back) ++back_edges_;
  return from.out.back();
}

bool LockGraph::make_ranks_agree(Node& from, Node& to) noexcept {
  if (from.rank < to.rank) return true;
  // What `to` leads to, within the affected ranks; then what leads to `from`.
  const std::uint64_t mark = ++search_;
  OwnVector<Node*> after{&to};
  to.mark = mark;
  for (std::size_t i = 0; i < after.size(); ++i) {
    for (const Edge& edge : after[i]->out) {
      if (edge.is_back || edge.to->mark == mark || edge.to->rank > from.rank) continue;
      if (edge.to == &from) return false;
      edge.to->mark = mark;
      after.push_back(edge.to);
    }
  }
  OwnVector<Node*> before{&from};
  from.mark = mark;
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (Node* const node : before[i]->in) {
      if (node->mark == mark || node->rank < to.rank) continue;
      const bool by_back_edge =
          back_edges_ != 0 && std::any_of(node->out.begin(), node->out.end(),
                                          [&](const Edge& edge) { return edge.to == before[i] && edge.is_back; });
      if (by_back_edge) continue;
      node->mark = mark;
      before.push_back(node);
    }
  }
  // The same ranks, with everything that leads to `from` below everything that `to` leads to.
  const auto by_rank = [](const Node* a, const Node* b) { return a->rank < b->rank; };
  std::sort(before.begin(), before.end(), by_rank);
  std::sort(after.begin(), after.end(), by_rank);
  OwnVector<std::uint64_t> ranks;
  for (const Node* const node : before) ranks.push_back(node->rank);
  for (const Node* const node : after) ranks.push_back(node->rank);
  std::sort(ranks.begin(), ranks.end());
  auto rank = ranks.begin();
  for (Node* const node : before) node->rank = *rank++;
  for (Node* const node : after) node->rank = *rank++;
  return true;
}

void LockGraph::forget_edge(const Edge& edge) noexcept {
  --edges_;
  if (edge.is_back) --back_edges_;
}

void LockGraph::remove(LockId lock) noexcept {
  const auto found = nodes_.find(lock);
  if (found == nodes_.end()) return;
  Node* const gone = found->second;
  OwnVector<Node*> neighbours;
  for (const Edge& edge : gone->out) {
    forget_edge(edge);
    edge.to->in.erase(std::find(edge.to->in.begin(), edge.to->in.end(), gone));
    neighbours.push_back(edge.to);
  }
  for (Node* const before : gone->in) {
    std::erase_if(before->out, [&](const Edge& edge) {
      if (edge.to != gone) return false;
      forget_edge(edge);
      return true;
    });
    neighbours.push_back(before);
  }
  nodes_.erase(lock);
  own_delete(gone);
  // A neighbour on both sides stands twice in the list; it must be looked at once.
  std::sort(neighbours.begin(), neighbours.end());
  neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
  for (Node* const node : neighbours) drop_if_bare(node);
}

void LockGraph::drop_if_bare(Node* node) noexcept {
  if (!node->in.empty() || !node->out.empty()) return;
  nodes_.erase(node->id);
  own_delete(node);
}

void LockGraph::check_invariants() const noexcept {
  std::size_t edges = 0;
  std::size_t back_edges = 0;
  for (const auto& [id, node] : nodes_) {
    if (node->id != id || (node->in.empty() && node->out.empty())) std::abort();
    for (const Edge& edge : node->out) {
      ++edges;
      if (edge.is_back) ++back_edges;
      if (!edge.is_back && node->rank >= edge.to->rank) std::abort();
      if (edge.witnesses.empty() || edge.witnesses.size() > kMostWitnesses) std::abort();
      if (std::count(edge.to->in.begin(), edge.to->in.end(), node) != 1) std::abort();
    }
  }
  if (edges != edges_ || back_edges != back_edges_) std::abort();
}

}  // namespace vigil::shim::locks
