// Knowledge: a set of epochs, closed downwards per slot; the body of every vector clock.
//
// It has two forms. Where only the first slots are known it is few: their times side by side (few_times.hpp). Else it
// is many: a shared ClockTree and up to four recent epochs that are not in the tree yet, so that the exchange between a
// few partners never touches the tree. It outgrows the first form with the first epoch that does not fit, and returns
// to it only by becoming a copy of a few one.
//
// The frontier is how one Knowledge finds in O(1) that another contains it. It is a set of epochs, such that
// whoever knows them all knows everything here: an epoch (u, t) stands for all that u knew when it ended time t by a
// release, since nobody learns (u, t) but from that release or a later one of u. Of many, frontier epochs are marked
// recent ones; of few, all are the frontier.
//
// Invariants, of many:
//   I1  Recent epochs have distinct slots, none of time 0, and none is earlier than the tree's time of its slot.
//   I2  whole implies that the marked recent epochs are a frontier (for an actor together with its own last release,
//       if needs_self_ says so). Without whole nothing is marked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "interpose/race/clock_tree.hpp"
#include "interpose/race/epoch.hpp"
#include "interpose/race/few_times.hpp"

namespace vigil::shim::race {

class Knowledge {
 public:
  static constexpr std::size_t kRecent = 4;  // with fewer, groups of three tasks on one lock spill at every turn

  constexpr Knowledge() noexcept : few_() {}
  Knowledge(const Knowledge& other) noexcept {
    if (other.is_few()) {
      ::new (&few_) FewTimes(other.few_);
    } else {
      ::new (&many_) Many(other.many_);
    }
  }
  Knowledge(Knowledge&& other) noexcept {
    if (other.is_few()) {
      ::new (&few_) FewTimes(other.few_);
    } else {
      ::new (&many_) Many(std::move(other.many_));
      other.clear();
    }
  }
  Knowledge& operator=(const Knowledge& other) noexcept {
    if (!is_few() && !other.is_few()) {
      many_ = other.many_;  // same trees touch no reference count
    } else if (this != &other) {
      this->~Knowledge();
      ::new (this) Knowledge(other);
    }
    return *this;
  }
  Knowledge& operator=(Knowledge&& other) noexcept {
    if (this != &other) {
      this->~Knowledge();
      ::new (this) Knowledge(std::move(other));
    }
    return *this;
  }
  ~Knowledge() {
    if (!is_few()) many_.~Many();
  }

  [[nodiscard]] bool is_few() const noexcept { return form_ == kFew; }
  [[nodiscard]] bool empty() const noexcept { return is_few() ? few_.empty() : many_.count == 0 && many_.tree.empty(); }
  void clear() noexcept { *this = Knowledge(); }

  [[nodiscard]] ClockTime at(ClockSlot slot) const noexcept {
    if (is_few()) return FewTimes::holds(slot) ? few_.at(slot) : 0;
    for (std::size_t i = 0; i < many_.count; ++i) {
      if (many_.recent[i].slot() == slot) return many_.recent[i].time();
    }
    return many_.tree.at(slot);
  }
  [[nodiscard]] bool knows(Epoch epoch) const noexcept { return epoch.time() == 0 || epoch.time() <= at(epoch.slot()); }

  // The times themselves, for what two do with one another in vector instructions. Demands: is_few().
  [[nodiscard]] FewTimes& few() noexcept { return few_; }
  [[nodiscard]] const FewTimes& few() const noexcept { return few_; }

  // Who changes a Knowledge of its own says so: author is its current epoch, of whom all that is here is known. Null
  // when there is none (a SyncClock into which several release).

  // Adds one epoch; marked makes it (or a later one of its slot, if known) a point of the frontier.
  void add(Epoch epoch, bool marked, Epoch author) noexcept {
    if (is_few() && FewTimes::holds(epoch.slot())) {
      if (epoch.time() > few_.at(epoch.slot())) few_.set(epoch.slot(), epoch.time());
    } else {
      add_to_many(epoch, marked, author);
    }
  }
  // Adds one epoch that stands for all that is known here: whoever knows it knows the rest. Its owner is the author.
  void add_over_all(Epoch epoch) noexcept {
    if (is_few() && !FewTimes::holds(epoch.slot())) outgrow(epoch);
    reset_frontier();
    add(epoch, true, epoch);
  }
  // Adds all of other, frontier included.
  template <class MineKnows, class TheirsKnows>
  void join(const Knowledge& other, Epoch author, const MineKnows& mine, const TheirsKnows& theirs) noexcept {
    if (other.is_few()) {
      join_few(other.few_, true, author);
      return;
    }
    if (is_few()) outgrow(author);
    join_frontier(other);
    if (!many_.tree.same_as(other.many_.tree)) {
      many_.tree.join(other.many_.tree, author, KnowsRef(mine), KnowsRef(theirs));
      drop_what_the_tree_knows();
    }
    add_recent(other, true, author);
  }
  // Both become what either knew, and their owners' own epochs mine and theirs, in one tree. Their frontiers are given
  // up. Demands that neither knows the other's epoch.
  void meet(Knowledge& other, Epoch mine, Epoch theirs) noexcept {
    to_tree(mine);
    other.to_tree(theirs);
    many_.tree.meet(other.many_.tree, mine, theirs);
  }
  // Adds all of other but its frontier: the caller sees to a point that stands for it.
  void merge(const Knowledge& other) noexcept;
  // Moves every recent epoch into the tree. The frontier is given up unless it was empty.
  void spill(Epoch author) noexcept;
  // Forgets the recent epoch of that slot, whose owner keeps its own time elsewhere. Returns whether it was a point of
  // the frontier.
  bool forget(ClockSlot slot) noexcept;
  // The frontier becomes empty and whole: the caller says that it keeps one of its own.
  void reset_frontier() noexcept {
    if (is_few()) return;
    many_.marked = 0;
    many_.whole = true;
  }

  [[nodiscard]] std::size_t recent_count() const noexcept { return is_few() ? 0 : many_.count; }
  [[nodiscard]] bool has_frontier() const noexcept { return is_few() || many_.whole; }
  // Calls knows(epoch) for each frontier point until one is false; false also when there is no frontier.
  template <class Knows>
  [[nodiscard]] bool frontier_within(Knows&& knows_point) const noexcept {
    if (is_few()) return few_.each(knows_point);
    if (!many_.whole) return false;
    for (std::size_t i = 0; i < many_.count; ++i) {
      if ((many_.marked & (1U << i)) != 0 && !knows_point(many_.recent[i])) return false;
    }
    return true;
  }
  // Aborts; for tests. owner_knows(epoch): whether whose knowledge this is knows it.
  template <class Knows>
  void check_invariants(const Knows& owner_knows) const noexcept {
    if (is_few()) return;
    check_recent();
    if (!many_.tree.stamps_within(KnowsRef(owner_knows))) std::abort();
  }

 private:
  void check_recent() const noexcept;
  static constexpr std::uint32_t kFew = 0;  // FewTimes leaves the place of nobody's slot 0
  static constexpr std::uint32_t kMany = 1;
  struct Many {
    std::uint32_t form = kMany;
    std::uint8_t count = 0;   // valid entries of recent
    std::uint8_t marked = 0;  // bit i: recent[i] is a frontier point
    bool whole = true;
    ClockTree tree;
    std::array<Epoch, kRecent> recent{};
  };

  void outgrow(Epoch author) noexcept;
  void add_to_many(Epoch epoch, bool marked, Epoch author) noexcept;
  // All that is known is in the tree from now on.
  void to_tree(Epoch author) noexcept {
    if (is_few()) outgrow(author);
    if (many_.count != 0) spill(author);
    many_.whole = false;
  }
  void join_few(const FewTimes& other, bool with_marks, Epoch author) noexcept;
  void erase(std::size_t index) noexcept;
  void make_room(Epoch author) noexcept;
  void join_frontier(const Knowledge& other) noexcept;
  void drop_what_the_tree_knows() noexcept;
  void add_recent(const Knowledge& other, bool with_marks, Epoch author) noexcept;

  union {
    std::uint32_t form_;  // the first member of either
    FewTimes few_;
    Many many_;
  };
};
static_assert(sizeof(Knowledge) == 64);

}  // namespace vigil::shim::race
