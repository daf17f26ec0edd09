// Knowledge: a set of epochs, closed downwards per slot; the body of every vector clock.
//
// It is a shared ClockTree and up to four recent epochs that are not in the tree yet, so that the exchange between a
// few partners never touches the tree.
//
// The frontier is how one Knowledge finds in O(1) that another contains it. It is a set of epochs, such that
// whoever knows them all knows everything here: an epoch (u, t) stands for all that u knew when it ended time t by a
// release, since nobody learns (u, t) but from that release or a later one of u. Frontier epochs are marked recent
// ones.
//
// Invariants
//   I1  Recent epochs have distinct slots, none of time 0, and none is earlier than the tree's time of its slot.
//   I2  whole_ implies that the marked recent epochs are a frontier (for an actor together with its own last release,
//       if needs_self_ says so). An empty Knowledge has the empty frontier. Without whole_ nothing is marked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/race/clock_tree.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

class Knowledge {
 public:
  static constexpr std::size_t kRecent = 4;  // with fewer, groups of three tasks on one lock spill at every turn

  constexpr Knowledge() noexcept = default;

  [[nodiscard]] bool empty() const noexcept { return count_ == 0 && tree_.empty(); }
  void clear() noexcept { *this = Knowledge(); }

  [[nodiscard]] ClockTime at(ClockSlot slot) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (recent_[i].slot() == slot) return recent_[i].time();
    }
    return tree_.at(slot);
  }
  [[nodiscard]] bool knows(Epoch epoch) const noexcept { return epoch.time() == 0 || epoch.time() <= at(epoch.slot()); }

  // Who changes a Knowledge of its own says so: author is its current epoch, of whom all that is here is known. Null
  // when there is none (a SyncClock into which several release).

  // Adds one epoch; marked makes it (or a later one of its slot, if known) a point of the frontier.
  void add(Epoch epoch, bool marked, Epoch author) noexcept;
  // Adds all of other, frontier included.
  template <class MineKnows, class TheirsKnows>
  void join(const Knowledge& other, Epoch author, const MineKnows& mine, const TheirsKnows& theirs) noexcept {
    join_frontier(other);
    if (!tree_.same_as(other.tree_)) {
      tree_.join(other.tree_, author, KnowsRef(mine), KnowsRef(theirs));
      drop_what_the_tree_knows();
    }
    add_recent(other, true, author);
  }
  // Adds all of other but its frontier: the caller sees to a point that stands for it.
  void merge(const Knowledge& other) noexcept;
  // Moves every recent epoch into the tree. The frontier is given up unless it was empty.
  void spill(Epoch author) noexcept;
  // Forgets the recent epoch of that slot, whose owner keeps its own time elsewhere. Returns whether it was marked.
  bool forget(ClockSlot slot) noexcept;
  // The frontier becomes empty and whole: the caller says that it keeps one of its own.
  void reset_frontier() noexcept {
    marked_ = 0;
    whole_ = true;
  }

  [[nodiscard]] std::size_t recent_count() const noexcept { return count_; }
  [[nodiscard]] bool has_frontier() const noexcept { return whole_; }
  // Calls knows(epoch) for each frontier point until one is false; false also when there is no frontier.
  template <class Knows>
  [[nodiscard]] bool frontier_within(Knows&& knows_point) const noexcept {
    if (!whole_) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      if ((marked_ & (1U << i)) != 0 && !knows_point(recent_[i])) return false;
    }
    return true;
  }
  void check_invariants() const noexcept;  // aborts; for tests

 private:
  void erase(std::size_t index) noexcept;
  void make_room(Epoch author) noexcept;
  void join_frontier(const Knowledge& other) noexcept;
  void drop_what_the_tree_knows() noexcept;
  void add_recent(const Knowledge& other, bool with_marks, Epoch author) noexcept;

  ClockTree tree_;
  std::array<Epoch, kRecent> recent_{};
  std::uint8_t count_ = 0;   // valid entries of recent_
  std::uint8_t marked_ = 0;  // bit i: recent_[i] is a frontier point
  bool whole_ = true;
};
static_assert(sizeof(Knowledge) == 48);

}  // namespace vigil::shim::race
