// LockGraph: in which order locks were taken one inside another, and the cycles in that order which another schedule
// turns into a deadlock.
//
// An edge u -> v says: some actor held u and wanted v. Each edge keeps witnesses, the times when that was seen.
// Witnesses w1 .. wn along a cycle u1 -> u2 -> ... -> un -> u1 are a possible deadlock when for every two of them
//   - the actors are different,
//   - no lock that both held besides (a gate) keeps them apart; two shared holds of one lock keep nobody apart,
//   - neither happened before the other in the firm order (order.hpp),
// and when at each lock the hold of one and the wish of the other exclude each other.
//
// Invariants
//   G1  Every edge but the back edges goes from a lower to a higher rank, so a search for a path from v to u is
//       needed only when u -> v goes down in rank, or when there are back edges.
//   G2  A node without edges is not kept.
//   G3  At most kMostWitnesses witnesses an edge: the first ones stay, the last places are taken by the latest.
//
// Ranks: Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", JEA 11, 2006; as in
// Abseil's GraphCycles, an edge that closes a cycle is kept apart instead of being refused.
// Threads: the owner locks. No function allocates but through own memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "interpose/locks/held_locks.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::locks {

struct Gate {
  LockId lock{};
  LockMode mode = LockMode::Exclusive;
};

// One time when an actor that held `from` wanted `to`.
struct Witness {
  std::uint64_t actor = 0;      // opaque here: equal means the same actor
  StackId taken_at = kNoStack;  // where it had taken `from`
  StackId wanted_at = kNoStack;
  LockMode held_mode = LockMode::Exclusive;
  LockMode wanted_mode = LockMode::Exclusive;
  race::Epoch at;         // in the firm order
  race::SyncClock past;   // what the actor knew then, itself included
  OwnVector<Gate> gates;  // what it held besides, ordered by lock
};

// Whether one schedule may bring both to the point where they wait.
bool may_meet(const Witness& one, const Witness& other) noexcept;

struct CycleEdge {
  LockId from{};
  LockId to{};
  const Witness* witness = nullptr;
};

// Called under the graph's lock; the edges are valid until it returns. False: enough of this one, stop looking.
using OnCycle = bool (*)(std::span<const CycleEdge> cycle, void* context) noexcept;

class LockGraph {
 public:
  LockGraph() noexcept = default;
  ~LockGraph();
  LockGraph(const LockGraph&) = delete;
  LockGraph& operator=(const LockGraph&) = delete;

  static constexpr std::size_t kMostWitnesses = 8;
  static constexpr std::size_t kFirstWitnesses = 4;  // of those that stay
  static constexpr std::size_t kMostSteps = 20'000;  // of one search for cycles; then it ends without an answer

  // Adds a witness of from -> to and tells every possible deadlock that it completes, shortest first.
  // Demands: from != to.
  void add(LockId from, LockId to, Witness witness, OnCycle on_cycle, void* context) noexcept;
  // The lock is gone: so is every edge of it.
  void remove(LockId lock) noexcept;

  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }
  [[nodiscard]] std::size_t edges() const noexcept { return edges_; }
  // Calls visit(from, to) for each edge.
  template <class Visit>
  void for_each_edge(Visit&& visit) const {
    for (const auto& [id, node] : nodes_) {
      for (const Edge& edge : node->out) visit(id, edge.to->id);
    }
  }
  void check_invariants() const noexcept;  // aborts; for tests

 private:
  struct Node;
  struct Edge {
    Node* to = nullptr;
    bool is_back = false;
    std::size_t seen = 0;  // witnesses ever
    OwnVector<Witness> witnesses;
  };
  struct Node {
    LockId id{};
    std::uint64_t rank = 0;
    std::uint64_t mark = 0;  // of the last search that saw it
    OwnVector<Edge> out;
    OwnVector<Node*> in;  // one entry for each edge that ends here
  };
  class CycleSearch;

  Node& node_of(LockId lock) noexcept;
  Edge& edge_of(Node& from, Node& to) noexcept;
  // Gives the nodes ranks that from -> to agrees with. False: to leads back to from, so there are none.
  bool make_ranks_agree(Node& from, Node& to) noexcept;
  void forget_edge(const Edge& edge) noexcept;
  void drop_if_bare(Node* node) noexcept;

  OwnMap<LockId, Node*> nodes_;
  std::uint64_t last_rank_ = 0;
  std::uint64_t search_ = 0;
  std::size_t edges_ = 0;
  std::size_t back_edges_ = 0;
};

}  // namespace vigil::shim::locks
