#include "interpose/race/knowledge.hpp"

#include <algorithm>
#include <cstdlib>

namespace vigil::shim::race {

void Knowledge::erase(std::size_t index) noexcept {
  --count_;
  // The last one takes its place, and its mark.
  const bool last_marked = (marked_ & (1U << count_)) != 0;
  marked_ = static_cast<std::uint8_t>(marked_ & ~(1U << count_) & ~(1U << index));
  if (index == count_) return;
  recent_[index] = recent_[count_];
  if (last_marked) marked_ = static_cast<std::uint8_t>(marked_ | 1U << index);
}

bool Knowledge::forget(ClockSlot slot) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (recent_[i].slot() != slot) continue;
    const bool was_marked = (marked_ & (1U << i)) != 0;
    erase(i);
    return was_marked;
  }
  return false;
}

void Knowledge::spill(Epoch author) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    // Equal times occur: a marked recent epoch may be in the tree as well.
    if (recent_[i].time() > tree_.at(recent_[i].slot())) tree_.set(recent_[i].slot(), recent_[i].time(), author);
  }
  if (marked_ != 0) whole_ = false;
  count_ = 0;
  marked_ = 0;
}

void Knowledge::make_room(Epoch author) noexcept {
  if (marked_ == (1U << kRecent) - 1) {
    spill(author);
    return;
  }
  for (std::size_t i = count_; i-- > 0;) {
    if ((marked_ & (1U << i)) != 0) continue;
    tree_.set(recent_[i].slot(), recent_[i].time(), author);
    erase(i);
  }
}

void Knowledge::add(Epoch epoch, bool marked, Epoch author) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (recent_[i].slot() != epoch.slot()) continue;
    // A later epoch of the slot stands for all that an earlier one does, so the mark may move up.
    if (epoch.time() > recent_[i].time()) recent_[i] = epoch;
    if (marked && whole_) marked_ = static_cast<std::uint8_t>(marked_ | 1U << i);
    return;
  }
  const ClockTime in_tree = tree_.at(epoch.slot());
  if (in_tree >= epoch.time() && !marked) return;
  if (count_ == kRecent) make_room(author);
  marked = marked && whole_;
  recent_[count_] = Epoch(epoch.slot(), std::max(epoch.time(), in_tree));
  if (marked) marked_ = static_cast<std::uint8_t>(marked_ | 1U << count_);
  ++count_;
}

void Knowledge::join_frontier(const Knowledge& other) noexcept {
  if (other.whole_) return;
  whole_ = false;
  marked_ = 0;
}

void Knowledge::drop_what_the_tree_knows() noexcept {
  for (std::size_t i = count_; i-- > 0;) {
    const ClockTime in_tree = tree_.at(recent_[i].slot());
    if (in_tree < recent_[i].time()) continue;
    if ((marked_ & (1U << i)) != 0) {
      recent_[i] = Epoch(recent_[i].slot(), in_tree);
    } else {
      erase(i);
    }
  }
}

void Knowledge::add_recent(const Knowledge& other, bool with_marks, Epoch author) noexcept {
  for (std::size_t i = 0; i < other.count_; ++i) {
    add(other.recent_[i], with_marks && (other.marked_ & (1U << i)) != 0, author);
  }
}

void Knowledge::merge(const Knowledge& other) noexcept {
  if (!tree_.same_as(other.tree_)) {
    tree_.join(other.tree_);
    drop_what_the_tree_knows();
  }
  add_recent(other, false, Epoch());
}

void Knowledge::check_invariants() const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (recent_[i].time() == 0 || recent_[i].time() < tree_.at(recent_[i].slot())) std::abort();
    for (std::size_t j = 0; j < i; ++j) {
      if (recent_[i].slot() == recent_[j].slot()) std::abort();
    }
  }
  if ((marked_ >> count_) != 0 || (!whole_ && marked_ != 0)) std::abort();
}

}  // namespace vigil::shim::race
