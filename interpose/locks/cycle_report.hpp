// CycleReport: turns the cycles of the lock graph into findings, one for each bug. What tells bugs apart is where in
// the program the locks are nested (nesting.hpp), not who called there, nor with which of many locks: decision 97.
#pragma once

#include "interpose/locks/lock_graph.hpp"
#include "interpose/objects.hpp"

namespace vigil::shim::locks {

class CycleReport {
 public:
  // The cycles to come are among these locks; valid while the graph's lock is held.
  void begin(const OwnMap<LockId, LockObject*>& objects) noexcept { objects_ = &objects; }
  // An OnCycle whose context is a CycleReport.
  static bool on_cycle(std::span<const CycleEdge> cycle, void* self) noexcept;

 private:
  // A cycle that was told, and all that has been seen of the same bug since.
  struct Bug {
    OwnVector<std::uint64_t> nestings;  // sorted, none twice
    OwnSet<LockId> locks;               // kept while there is one nesting
    std::uint64_t finding = 0;          // as report() numbers it
  };
  static constexpr std::size_t kMostBugs = 200;       // told in one run
  static constexpr std::size_t kMostSights = 20'000;  // of all bugs together; later ones are not counted

  // A lock that somebody else gave back, seen after it came into the graph.
  [[nodiscard]] bool has_wandered(std::span<const CycleEdge> cycle) const noexcept;
  // Null: none that was told.
  Bug* bug_of(std::span<const CycleEdge> cycle, const OwnVector<std::uint64_t>& nestings) noexcept;
  std::uint64_t tell(std::span<const CycleEdge> cycle) noexcept;

  const OwnMap<LockId, LockObject*>* objects_ = nullptr;
  OwnVector<Bug> bugs_;
  OwnMap<std::uint64_t, std::uint32_t> places_;  // numbers of the sets of places seen, and their bugs
  OwnSet<std::uint64_t> sights_;                 // numbers of places and locks
};

}  // namespace vigil::shim::locks
