// LockGraph: in which order locks were taken one inside another, and the cycles in that order which another schedule
// turns into a deadlock.
//
// An edge u -> v says: some actor held u and wanted v. Each edge keeps witnesses, the times when that was seen.
// Witnesses w1 .. wn along a cycle u1 -> u2 -> ... -> un -> u1 are a possible deadlock when for every two of them
//   - the actors are different,
//   - no lock that both held (a gate) keeps them apart; two shared holds of one lock keep nobody apart,
//   - neither happened before the other in the firm order (order.hpp),
// and when at each lock the hold of one and the wish of the other exclude each other.
//
// Invariants
//   G1  Every edge but the back edges goes from a lower to a higher rank, so a search for a path from v to u is
//       needed only when u -> v goes down in rank, or when there are back edges.
//   G2  A node without edges is not kept.
//   G3  At most kMostWitnesses witnesses an edge: the first ones stay, the last places are taken by the latest.
//   G4  What is wanted by an actor with very many locks is kept as one long wish, which shares the set of those locks
//       with others (held_set.hpp) and stands for an edge from each. Edges of the graph begin only at the youngest and
//       at the loose ones, from which no edge leads to the next younger one (that was got by try). So wherever a long
//       wish leads, edges lead, too, and what ranks and marks say holds for long wishes as well.
//
// Memory: an edge with its witnesses takes 0.2 to 2 KiB, and there are as many as pairs of locks that were seen one
// inside the other. Long wishes take at most kMostLongWishes x 0.2 KiB and kMostLinks x 48 bytes; those that come when
// all is in use are compared with what is known, but not kept, and counted.
//
// Ranks: Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", JEA 11, 2006; as in
// Abseil's GraphCycles, an edge that closes a cycle is kept apart instead of being refused.
// Threads: the owner locks. No function allocates but through own memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "interpose/locks/held_locks.hpp"
#include "interpose/locks/held_set.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::locks {

// One time when an actor that held `from` wanted `to`.
struct Witness {
  std::uint64_t actor = 0;      // opaque here: equal means the same actor
  StackId taken_at = kNoStack;  // where it had taken `from`
  StackId wanted_at = kNoStack;
  LockMode held_mode = LockMode::Exclusive;
  LockMode wanted_mode = LockMode::Exclusive;
  race::Epoch at;        // in the firm order
  race::SyncClock past;  // what the actor knew then, itself included
  HeldSet held;          // all that it held then, `from` too
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
  static constexpr std::size_t kMostLongWishes = 1U << 16U;
  static constexpr std::size_t kMostLoose = 256;        // edges of one long wish
  static constexpr std::size_t kMostLinks = 1U << 21U;  // 96 MiB

  // Adds a witness of from -> to and tells every possible deadlock that it completes, shortest first.
  // Demands: from != to.
  void add(LockId from, LockId to, Witness witness, OnCycle on_cycle, void* context) noexcept;
  // The same with very many locks held, in witness.held, of which each is a `from`; held_mode and taken_at are not
  // read. Demands: `to` is none of them, and they are not none.
  void add_long(LockId to, Witness witness, OnCycle on_cycle, void* context) noexcept;
  // The lock is gone: so is every edge of it.
  void remove(LockId lock) noexcept;

  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_.size(); }
  [[nodiscard]] std::size_t edges() const noexcept { return edges_; }
  [[nodiscard]] std::size_t long_wishes() const noexcept { return long_wishes_; }
  [[nodiscard]] std::uint64_t long_wishes_not_kept() const noexcept { return long_wishes_not_kept_; }
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
    std::uint64_t mark = 0;    // of the last search that saw it
    std::uint64_t in_set = 0;  // of the last search for which it was in the set
    OwnVector<Edge> out;
    OwnVector<Node*> in;           // one entry for each edge that ends here
    OwnVector<Witness> long_in;    // long wishes for this lock
    std::size_t long_in_seen = 0;  // ever
  };
  class CycleSearch;

  Node& node_of(LockId lock) noexcept;
  Edge& edge_of(Node& from, Node& to) noexcept;
  // Gives the nodes ranks that from -> to agrees with. False: to leads back to from, so there are none.
  bool make_ranks_agree(Node& from, Node& to) noexcept;
  void forget_edge(const Edge& edge) noexcept;
  void drop_if_bare(Node* node) noexcept;
  Witness& add_witness(Edge& edge, Witness witness) noexcept;
  void forget_long(Node& node) noexcept;
  void keep_long(Node& to, const Witness& wish) noexcept;
  // Enters the set's links, and finds which are loose.
  void link_up(const HeldSet& set) noexcept;
  [[nodiscard]] bool has_edge(LockId from, LockId to) const noexcept;
  // Locks of that set to which `to` leads, the nearest first; not all.
  OwnVector<LockId> closing_locks(Node& to, const HeldSet& set) noexcept;

  OwnMap<LockId, Node*> nodes_;
  OwnSet<LockId> in_sets_;    // locks that are part of some long wish's set
  OwnSet<Node*> long_goals_;  // nodes with long wishes
  std::size_t long_wishes_ = 0;
  std::uint64_t long_wishes_not_kept_ = 0;
  std::uint64_t last_rank_ = 0;
  std::uint64_t search_ = 0;
  std::size_t edges_ = 0;
  std::size_t back_edges_ = 0;
};

}  // namespace vigil::shim::locks
