// CycleReport: turns a cycle of the lock graph into one finding, once for each set of places in the program.
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
  // A lock that somebody else gave back, seen after it came into the graph.
  [[nodiscard]] bool has_wandered(std::span<const CycleEdge> cycle) const noexcept;
  void tell(std::span<const CycleEdge> cycle) noexcept;

  const OwnMap<LockId, LockObject*>* objects_ = nullptr;
  OwnSet<std::uint64_t> told_;  // numbers of the sets of places
};

}  // namespace vigil::shim::locks
