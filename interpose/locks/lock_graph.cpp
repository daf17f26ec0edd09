#include "interpose/locks/lock_graph.hpp"

#include <algorithm>
#include <cstdlib>

namespace vigil::shim::locks {
namespace {

bool exclude(LockMode one, LockMode other) noexcept {
  return one == LockMode::Exclusive || other == LockMode::Exclusive;
}

OwnVector<const HeldSet::Link*> ordered(const HeldSet& set) {
  OwnVector<const HeldSet::Link*> links;
  links.reserve(set.count());
  for (const HeldSet::Link* link = set.youngest(); link != nullptr; link = link->older) links.push_back(link);
  std::sort(links.begin(), links.end(), [](const auto* a, const auto* b) { return a->lock < b->lock; });
  return links;
}

bool long_sets_share_a_gate(const HeldSet& one, const HeldSet& other) {
  const OwnVector<const HeldSet::Link*> mine = ordered(one);
  const OwnVector<const HeldSet::Link*> theirs = ordered(other);
  auto a = mine.begin();
  auto b = theirs.begin();
  while (a != mine.end() && b != theirs.end()) {
    if ((*a)->lock == (*b)->lock && exclude((*a)->mode, (*b)->mode)) return true;
    // A lock may be in a set twice, read by the same actor: all of its modes there are shared.
    if ((*b)->lock < (*a)->lock) {
      ++b;
    } else {
      ++a;
    }
  }
  return false;
}

bool share_a_gate(const HeldSet& one, const HeldSet& other) noexcept {
  constexpr std::size_t kFew = 256;  // comparisons that are cheaper than lists
  if (one.count() * other.count() > kFew) return long_sets_share_a_gate(one, other);
  for (const HeldSet::Link* a = one.youngest(); a != nullptr; a = a->older) {
    for (const HeldSet::Link* b = other.youngest(); b != nullptr; b = b->older) {
      if (a->lock == b->lock && exclude(a->mode, b->mode)) return true;
    }
  }
  return false;
}

}  // namespace

bool may_meet(const Witness& one, const Witness& other) noexcept {
  return one.actor != other.actor && !race::happened_before(one.at, other.past) &&
         !race::happened_before(other.at, one.past) && !share_a_gate(one.held, other.held);
}

// Depth first, for cycles of exactly `length` edges that begin with one given witness; only through nodes that
// lead back to where it starts.
class LockGraph::CycleSearch {
 public:
  CycleSearch(LockGraph& graph, OnCycle on_cycle, void* context) noexcept
      : graph_(graph), on_cycle_(on_cycle), context_(context), mark_(++graph.search_) {}

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
      for (const Witness& witness : edge.witnesses) {
        if (!may_be_next(*edge.to)) break;
        go_along(at, *edge.to, witness);
      }
      if (stopped_) return;
    }
    if (!graph_.in_sets_.contains(at.id)) return;
    const std::uint64_t asked = ++graph_.search_;
    for (Node* const goal : graph_.long_goals_) {
      for (const Witness& wish : goal->long_in) {
        if (!may_be_next(*goal)) break;
        const HeldSet::Link* const link = link_of(wish, at.id, asked);
        if (link != nullptr && !is_in_cycle(wish.actor)) go_along(at, *goal, wish, *link);
      }
      if (stopped_) return;
    }
  }

  // Sets share their older links, and what was answered for one holds for all.
  const HeldSet::Link* link_of(const Witness& wish, LockId lock, std::uint64_t asked) noexcept {
    const HeldSet::Link* end = wish.held.youngest();
    std::size_t seen = 0;
    for (; end != nullptr && end->mark != asked && end->lock != lock; end = end->older) ++seen;
    steps_ += seen / kLinksPerStep;
    const HeldSet::Link* const found = end == nullptr || end->lock == lock ? end : end->answer;
    for (const HeldSet::Link* link = wish.held.youngest(); link != end; link = link->older) {
      link->mark = asked;
      link->answer = found;
    }
    return found;
  }

  [[nodiscard]] bool is_in_cycle(std::uint64_t actor) const noexcept {
    return std::any_of(cycle_.begin(), cycle_.end(),
                       [&](const CycleEdge& edge) { return edge.witness->actor == actor; });
  }

  // Whether the path may go on to that node now.
  bool may_be_next(const Node& next) noexcept {
    if (stopped_ || next.mark != mark_) return false;
    const bool closes = &next == goal_;
    if (closes != (cycle_.size() + 1 == length_)) {
      if (!closes) cut_ = true;
      return false;
    }
    return closes || std::find(path_.begin(), path_.end(), &next) == path_.end();
  }

  // One step of a wish that stands for many edges: the one that begins at `link`.
  void go_along(Node& at, Node& next, const Witness& wish, const HeldSet::Link& link) noexcept {
    Witness witness = wish;
    witness.taken_at = link.taken_at;
    witness.held_mode = link.mode;
    go_along(at, next, witness);
  }

  void go_along(Node& at, Node& next, const Witness& witness) noexcept {
    const bool closes = &next == goal_;
    if (++steps_ > kMostSteps) stopped_ = true;
    if (stopped_ || !fits(witness, closes)) return;
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

  [[nodiscard]] bool fits(const Witness& witness, bool closes) const noexcept {
    if (!exclude(cycle_.back().witness->wanted_mode, witness.held_mode)) return false;
    if (closes && !exclude(witness.wanted_mode, cycle_.front().witness->held_mode)) return false;
    return std::all_of(cycle_.begin(), cycle_.end(),
                       [&](const CycleEdge& edge) { return may_meet(*edge.witness, witness); });
  }

  static constexpr std::size_t kLinksPerStep = 16;

  LockGraph& graph_;
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
  const Witness& added = add_witness(edge, std::move(witness));
  if (back_edges_ == 0) return;  // no cycle anywhere
  CycleSearch(*this, on_cycle, context).run(start, end, added);
}

Witness& LockGraph::add_witness(Edge& edge, Witness witness) noexcept {
  std::size_t place = edge.witnesses.size();
  if (place < kMostWitnesses) {
    edge.witnesses.push_back(std::move(witness));
  } else {
    place = kFirstWitnesses + edge.seen % (kMostWitnesses - kFirstWitnesses);
    edge.witnesses[place] = std::move(witness);
  }
  ++edge.seen;
  return edge.witnesses[place];
}

void LockGraph::add_long(LockId to, Witness wish, OnCycle on_cycle, void* context) noexcept {
  Node& goal = node_of(to);
  link_up(wish.held);
  std::size_t loose = 0;
  for (const HeldSet::Link* link = wish.held.youngest(); link != nullptr && loose < kMostLoose; link = link->loose) {
    wish.taken_at = link->taken_at;
    wish.held_mode = link->mode;
    add_witness(edge_of(node_of(link->lock), goal), wish);
    ++loose;
  }
  keep_long(goal, wish);
  if (back_edges_ == 0) return;
  for (const LockId from : closing_locks(goal, wish.held)) {
    const HeldSet::Link* const link = wish.held.find(from);
    wish.taken_at = link->taken_at;
    wish.held_mode = link->mode;
    CycleSearch(*this, on_cycle, context).run(node_of(from), goal, wish);
  }
}

void LockGraph::link_up(const HeldSet& set) noexcept {
  OwnVector<const HeldSet::Link*> fresh;
  for (const HeldSet::Link* link = set.youngest(); link != nullptr && !link->in_graph; link = link->older) {
    fresh.push_back(link);
  }
  for (std::size_t i = fresh.size(); i-- > 0;) {
    const HeldSet::Link& link = *fresh[i];
    link.in_graph = true;
    in_sets_.insert(link.lock);
    if (link.older != nullptr) link.loose = has_edge(link.older->lock, link.lock) ? link.older->loose : link.older;
  }
}

bool LockGraph::has_edge(LockId from, LockId to) const noexcept {
  const auto start = nodes_.find(from);
  return start != nodes_.end() && std::any_of(start->second->out.begin(), start->second->out.end(),
                                              [&](const Edge& edge) { return edge.to->id == to; });
}

void LockGraph::keep_long(Node& to, const Witness& wish) noexcept {
  // Wishes with one set are witnesses of the same edges.
  const auto same = [&](const Witness& other) { return other.held.youngest() == wish.held.youngest(); };
  const auto known = static_cast<std::size_t>(std::count_if(to.long_in.begin(), to.long_in.end(), same));
  if (known >= kMostWitnesses) {
    std::size_t place = kFirstWitnesses + to.long_in_seen++ % (kMostWitnesses - kFirstWitnesses);
    for (Witness& other : to.long_in) {
      if (same(other) && place-- == 0) other = wish;
    }
    return;
  }
  if (long_wishes_ >= kMostLongWishes || HeldSet::links_alive() >= kMostLinks) {
    ++long_wishes_not_kept_;
    return;
  }
  to.long_in.push_back(wish);
  ++to.long_in_seen;
  ++long_wishes_;
  long_goals_.insert(&to);
}

OwnVector<LockId> LockGraph::closing_locks(Node& to, const HeldSet& set) noexcept {
  constexpr std::size_t kMost = 4;
  OwnVector<LockId> found;
  const std::uint64_t of_set = ++search_;
  for (const HeldSet::Link* link = set.youngest(); link != nullptr; link = link->older) {
    if (const auto node = nodes_.find(link->lock); node != nodes_.end()) node->second->in_set = of_set;
  }
  const std::uint64_t mark = ++search_;
  to.mark = mark;
  OwnVector<Node*> open{&to};
  for (std::size_t i = 0; i < open.size() && found.size() < kMost; ++i) {
    Node& at = *open[i];
    if (at.in_set == of_set) {
      found.push_back(at.id);
      continue;  // from there on it may be the way of these locks themselves
    }
    for (const Edge& edge : at.out) {
      if (edge.to->mark == mark) continue;
      edge.to->mark = mark;
      open.push_back(edge.to);
    }
  }
  return found;
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
  forget_long(*gone);
  in_sets_.erase(lock);
  nodes_.erase(lock);
  own_delete(gone);
  // A neighbour on both sides stands twice in the list; it must be looked at once.
  std::sort(neighbours.begin(), neighbours.end());
  neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
  for (Node* const node : neighbours) drop_if_bare(node);
}

void LockGraph::forget_long(Node& node) noexcept {
  long_wishes_ -= node.long_in.size();
  node.long_in.clear();
  long_goals_.erase(&node);
}

void LockGraph::drop_if_bare(Node* node) noexcept {
  if (!node->in.empty() || !node->out.empty() || !node->long_in.empty()) return;
  nodes_.erase(node->id);
  own_delete(node);
}

void LockGraph::check_invariants() const noexcept {
  std::size_t edges = 0;
  std::size_t back_edges = 0;
  std::size_t long_wishes = 0;
  for (const auto& [id, node] : nodes_) {
    if (node->id != id || (node->in.empty() && node->out.empty() && node->long_in.empty())) std::abort();
    if (long_goals_.contains(node) == node->long_in.empty()) std::abort();
    long_wishes += node->long_in.size();
    for (const Edge& edge : node->out) {
      ++edges;
      if (edge.is_back) ++back_edges;
      if (!edge.is_back && node->rank >= edge.to->rank) std::abort();
      if (edge.witnesses.empty() || edge.witnesses.size() > kMostWitnesses) std::abort();
      if (std::count(edge.to->in.begin(), edge.to->in.end(), node) != 1) std::abort();
    }
  }
  if (edges != edges_ || back_edges != back_edges_ || long_wishes != long_wishes_) std::abort();
}

}  // namespace vigil::shim::locks
