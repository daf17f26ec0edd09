// ClockTree: a map from slot to time as a persistent radix tree with shared nodes; slots that are absent have time 0.
//
// Invariants
//   I1  A node that more than one reference points to, or whose ancestor is such a node, never changes.
//   I2  A node all of whose references are on one path from one root is changed in place: a wait group that collects a
//       million releases makes no garbage.
//   I3  After join() the result shares every subtree in which one side knew all the other did, so that the next
//       comparison of the two ends at equal pointers.
//
//   I4  Whoever knows a node's stamp (the author's epoch when it was last changed) knows all that lies under the node:
//       an author puts nothing into a tree that it does not know, and nobody learns of its epoch but from its later
//       release. The null stamp says nothing.
//   I5  Whose knowledge has a node knows that node's stamp, by its own time, in the tree or beside it: a tree is handed
//       on with its author's epoch, and who takes a part of a tree takes in all of it.
//
// I4 lets a join take or leave a whole subtree at one question. Without it a line of ten thousand tasks, each of which
// learns a little of all the others with every item, spent 14 us on each meeting.
//
// Copying and comparing cost O(1); set() copies at most one path. Nodes lie in the shim's own memory.
// Threads: distinct ClockTree values may share nodes and be used by different threads; one value, by one at a time.
#pragma once

#include <cstddef>
#include <utility>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

struct ClockNode;

// Whether somebody knows an epoch; a reference to a callable, valid while that lives.
class KnowsRef {
 public:
  template <class Knows>
  explicit KnowsRef(const Knows& knows) noexcept
      : who_(&knows),
        ask_([](const void* who, Epoch epoch) noexcept { return (*static_cast<const Knows*>(who))(epoch); }) {}
  bool operator()(Epoch epoch) const noexcept { return ask_(who_, epoch); }

 private:
  const void* who_;
  bool (*ask_)(const void*, Epoch) noexcept;
};

class ClockTree {
 public:
  constexpr ClockTree() noexcept = default;
  ClockTree(const ClockTree& other) noexcept : root_(share(other.root_)) {}
  ClockTree(ClockTree&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
  // Self-assignment and assignment of the same root touch no reference count: the usual case between partners.
  ClockTree& operator=(const ClockTree& other) noexcept {
    if (this != &other && root_ != other.root_) {
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
  // Demands: time is above at(slot). author: who knows all of this tree and the new time, or null.
  void set(ClockSlot slot, ClockTime time, Epoch author) noexcept;
  // this[i] = max(this[i], other[i]) for every slot i, in place where I2 allows.
  void join(const ClockTree& other) noexcept;
  // The same up to what either side's owner knows besides its tree: a subtree is left as it is when `mine` knows the
  // other's, and taken whole when `theirs` knows mine. author is mine's epoch.
  void join(const ClockTree& other, Epoch author, KnowsRef mine, KnowsRef theirs) noexcept;

  // Both become the join of the two and of the epochs mine and theirs, of their owners, who know nothing but their
  // trees and their own times. Demands that neither tree knows the other's epoch, nor its own owner's.
  void meet(ClockTree& other, Epoch mine, Epoch theirs) noexcept;

  // Whether who owns the tree knows the stamp of every node (I5); for tests.
  [[nodiscard]] bool stamps_within(KnowsRef owner) const noexcept;
  // Nodes alive in the whole process, of those made since it was asked first; for tests.
  static std::size_t nodes() noexcept;

 private:
  // Whether no other tree has this one's root, so that a join changes that in place.
  [[nodiscard]] bool is_alone() const noexcept;
  static ClockNode* share(ClockNode* node) noexcept;
  static void drop(ClockNode* node) noexcept;

  ClockNode* root_ = nullptr;  // null: all zero
};

}  // namespace vigil::shim::race
