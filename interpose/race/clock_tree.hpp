// ClockTree: a map from slot to time as a persistent radix tree with shared nodes; slots that are absent have time 0.
//
// Invariants
//   I1  A node that more than one reference points to, or whose ancestor is such a node, never changes.
//   I2  A node all of whose references are on one path from one root is changed in place: a wait group that collects a
//       million releases makes no garbage.
//   I3  After join() the result shares every subtree in which one side knew all the other did, so that the next
//       comparison of the two ends at equal pointers.
//
// Copying and comparing cost O(1); set() copies at most one path. Nodes lie in the shim's own memory.
// Threads: distinct ClockTree values may share nodes and be used by different threads; one value, by one at a time.
#pragma once

#include <cstddef>
#include <utility>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

struct ClockNode;

class ClockTree {
 public:
  constexpr ClockTree() noexcept = default;
  ClockTree(const ClockTree& other) noexcept : root_(share(other.root_)) {}
  ClockTree(ClockTree&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
  // Self-assignment and assignment of the same root touch no reference count: the usual case between partners.
  ClockTree& operator=(const ClockTree& other) noexcept {
    if (root_ != other.root_) {
      drop(root_);
      root_ = share(other.root_);
    }
    return *this;
  }
  ClockTree& operator=(ClockTree&& other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~ClockTree() { drop(root_); }

  [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
  [[nodiscard]] bool same_as(const ClockTree& other) const noexcept { return root_ == other.root_; }
  [[nodiscard]] ClockTime at(ClockSlot slot) const noexcept;
  // Demands: time is above at(slot).
  void set(ClockSlot slot, ClockTime time) noexcept;
  // this[i] = max(this[i], other[i]) for every slot i.
  void join(const ClockTree& other) noexcept;

  // Nodes alive in the whole process; for tests.
  static std::size_t nodes() noexcept;

 private:
  static ClockNode* share(ClockNode* node) noexcept;
  static void drop(ClockNode* node) noexcept;

  ClockNode* root_ = nullptr;  // null: all zero
};

}  // namespace vigil::shim::race
