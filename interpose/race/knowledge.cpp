#include "interpose/race/knowledge.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace vigil::shim::race {

void Knowledge::erase(std::size_t index) noexcept {
  --many_.count;
  // The last one takes its place, and its mark.
  const bool last_marked = (many_.marked & (1U << many_.count)) != 0;
  many_.marked = static_cast<std::uint8_t>(many_.marked & ~(1U << many_.count) & ~(1U << index));
  if (index == many_.count) return;
  many_.recent[index] = many_.recent[many_.count];
  if (last_marked) many_.marked = static_cast<std::uint8_t>(many_.marked | 1U << index);
}

// Few epochs are recent ones, all of them marked. More go into the tree, and the frontier is given up: an actor has a
// new one with its next release, a primitive with the next one into it.
[[gnu::noinline]] void Knowledge::outgrow(Epoch author) noexcept {
  const FewTimes few = few_;
  Many& many = *::new (&many_) Many();
  std::ignore = few.each([&](Epoch epoch) noexcept {
    if (many.count < kRecent) {
      many.recent[many.count++] = epoch;
    } else {
      many.tree.set(epoch.slot(), epoch.time(), author);
      many.whole = false;
    }
    return true;
  });
  if (many.whole) many.marked = static_cast<std::uint8_t>((1U << many.count) - 1);
}

// What is known already is so through the frontier, if there is one.
void Knowledge::join_few(const FewTimes& other, bool with_marks, Epoch author) noexcept {
  if (is_few()) return few_.join(other);
  std::ignore = other.each([&](Epoch epoch) noexcept {
    if (!knows(epoch)) add_to_many(epoch, with_marks, author);
    return true;
  });
}

bool Knowledge::forget(ClockSlot slot) noexcept {
  if (is_few()) {
    const bool was_known = at(slot) != 0;
    if (was_known) few_.set(slot, 0);
    return was_known;
  }
  for (std::size_t i = 0; i < many_.count; ++i) {
    if (many_.recent[i].slot() != slot) continue;
    const bool was_marked = (many_.marked & (1U << i)) != 0;
    erase(i);
    return was_marked;
  }
  return false;
}

void Knowledge::spill(Epoch author) noexcept {
  if (is_few()) return;
  for (std::size_t i = 0; i < many_.count; ++i) {
    // Equal times occur: a marked recent epoch may be in the tree as well.
    if (many_.recent[i].time() > many_.tree.at(many_.recent[i].slot()))
      many_.tree.set(many_.recent[i].slot(), many_.recent[i].time(), author);
  }
  if (many_.marked != 0) many_.whole = false;
  many_.count = 0;
  many_.marked = 0;
}

void Knowledge::make_room(Epoch author) noexcept {
  if (many_.marked == (1U << kRecent) - 1) {
    spill(author);
    return;
  }
  for (std::size_t i = many_.count; i-- > 0;) {
    if ((many_.marked & (1U << i)) != 0) continue;
    many_.tree.set(many_.recent[i].slot(), many_.recent[i].time(), author);
    erase(i);
  }
}

void Knowledge::add_to_many(Epoch epoch, bool marked, Epoch author) noexcept {
  if (is_few()) outgrow(author);
  for (std::size_t i = 0; i < many_.count; ++i) {
    if (many_.recent[i].slot() != epoch.slot()) continue;
    // A later epoch of the slot stands for all that an earlier one does, so the mark may move up.
    if (epoch.time() > many_.recent[i].time()) many_.recent[i] = epoch;
    if (marked && many_.whole) many_.marked = static_cast<std::uint8_t>(many_.marked | 1U << i);
    return;
  }
  const ClockTime in_tree = many_.tree.at(epoch.slot());
  if (in_tree >= epoch.time() && !marked) return;
  if (many_.count == kRecent) make_room(author);
  marked = marked && many_.whole;
  many_.recent[many_.count] = Epoch(epoch.slot(), std::max(epoch.time(), in_tree));
  if (marked) many_.marked = static_cast<std::uint8_t>(many_.marked | 1U << many_.count);
  ++many_.count;
}

void Knowledge::join_frontier(const Knowledge& other) noexcept {
  if (other.many_.whole) return;
  many_.whole = false;
  many_.marked = 0;
}

void Knowledge::drop_what_the_tree_knows() noexcept {
  for (std::size_t i = many_.count; i-- > 0;) {
    const ClockTime in_tree = many_.tree.at(many_.recent[i].slot());
    if (in_tree < many_.recent[i].time()) continue;
    if ((many_.marked & (1U << i)) != 0) {
      many_.recent[i] = Epoch(many_.recent[i].slot(), in_tree);
    } else {
      erase(i);
    }
  }
}

void Knowledge::add_recent(const Knowledge& other, bool with_marks, Epoch author) noexcept {
  for (std::size_t i = 0; i < other.many_.count; ++i) {
    add(other.many_.recent[i], with_marks && (other.many_.marked & (1U << i)) != 0, author);
  }
}

void Knowledge::merge(const Knowledge& other) noexcept {
  if (other.is_few()) return join_few(other.few_, false, Epoch());
  if (is_few()) outgrow(Epoch());
  if (!many_.tree.same_as(other.many_.tree)) {
    many_.tree.join(other.many_.tree);
    drop_what_the_tree_knows();
  }
  add_recent(other, false, Epoch());
}

void Knowledge::check_recent() const noexcept {
  for (std::size_t i = 0; i < many_.count; ++i) {
    if (many_.recent[i].time() == 0 || many_.recent[i].time() < many_.tree.at(many_.recent[i].slot())) std::abort();
    for (std::size_t j = 0; j < i; ++j) {
      if (many_.recent[i].slot() == many_.recent[j].slot()) std::abort();
    }
  }
  if ((many_.marked >> many_.count) != 0 || (!many_.whole && many_.marked != 0)) std::abort();
}

}  // namespace vigil::shim::race
