// AccessSet: the accesses of one sort (reads, or writes) to one variable that still matter.
//
// Invariants
//   I1  At most one access of each clock slot.
//   I2  An access is dropped only if a kept one of the same sort follows it, or a write does, or (raced ones, of which
//   a
//       report was made) when there are more than kMostRaced of those.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "interpose/own_memory.hpp"
#include "interpose/race/epoch.hpp"
#include "interpose/race/vector_clock.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim::race {

struct Access {
  Epoch at;
  std::uint64_t actor = 0;
  StackId stack = kNoStack;
  std::uint32_t held = 0;
  std::uint32_t size = 0;  // bytes
  bool is_write = false;
  bool raced = false;  // was one side of a race that has been told
};

class AccessSet {
 public:
  static constexpr std::size_t kMostRaced = 16;

  // The access of that slot at exactly that epoch, or null.
  [[nodiscard]] const Access* find(Epoch at) const noexcept {
    const std::size_t i = index_of(at.slot());
    return i != kept_.size() && kept_[i].at == at ? &kept_[i] : nullptr;
  }

  // Shows each access that did not happen before the clock's now to conflict, and marks it raced; with kDropOrdered the
  // others are dropped.
  template <bool kDropOrdered, class Conflict>
  void sweep(const ActorClock& clock, Conflict&& conflict) noexcept {
    std::size_t stay = 0;
    std::size_t raced = 0;
    for (Access& access : kept_) {
      const bool ordered = happened_before(access.at, clock);
      if (!ordered) {
        conflict(access);
        access.raced = true;
      }
      if (ordered && kDropOrdered) continue;
      if (access.raced && ++raced > kMostRaced) continue;
      kept_[stay++] = access;
    }
    if (stay != kept_.size()) shrink(stay);
  }

  // Keeps a new access of the clock's actor, in place of an older one of its slot.
  void keep(const Access& access, const ActorClock& clock) noexcept {
    const std::size_t i = index_of(access.at.slot());
    if (i != kept_.size()) {
      kept_[i] = access;
      return;
    }
    if (kept_.size() >= prune_at_) prune(clock);
    kept_.push_back(access);
    if (kept_.size() > kIndexFrom) index_[static_cast<std::uint32_t>(access.at.slot())] = kept_.size() - 1;
    if (kept_.size() == kIndexFrom + 1) rebuild_index();
    if (access.raced) bound_raced();
  }

  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

 private:
  static constexpr std::size_t kIndexFrom = 16;  // up to here a look at each is quicker than a hash

  [[nodiscard]] std::size_t index_of(ClockSlot slot) const noexcept {
    if (kept_.size() > kIndexFrom) {
      const auto found = index_.find(static_cast<std::uint32_t>(slot));
      return found == index_.end() ? kept_.size() : found->second;
    }
    std::size_t i = 0;
    while (i < kept_.size() && kept_[i].at.slot() != slot) ++i;
    return i;
  }

  // Drops what the new access, of the same sort, is known to follow. Costs a look at each, so only each time the
  // set has doubled.
  void prune(const ActorClock& clock) noexcept {
    std::size_t stay = 0;
    for (const Access& access : kept_) {
      if (!happened_before(access.at, clock)) kept_[stay++] = access;
    }
    shrink(stay);
    prune_at_ = std::max<std::size_t>(4, 2 * stay);
  }

  void bound_raced() noexcept {
    const auto is_raced = [](const Access& access) { return access.raced; };
    if (static_cast<std::size_t>(std::count_if(kept_.begin(), kept_.end(), is_raced)) <= kMostRaced) return;
    kept_.erase(std::find_if(kept_.begin(), kept_.end(), is_raced));  // the oldest
    rebuild_index();
  }

  void shrink(std::size_t stay) noexcept {
    kept_.resize(stay);
    rebuild_index();
  }

  void rebuild_index() noexcept {
    index_.clear();
    if (kept_.size() <= kIndexFrom) return;
    for (std::size_t i = 0; i < kept_.size(); ++i) index_[static_cast<std::uint32_t>(kept_[i].at.slot())] = i;
  }

  OwnVector<Access> kept_;                    // oldest first, but for those replaced in place
  OwnMap<std::uint32_t, std::size_t> index_;  // slot to place in kept_; empty up to kIndexFrom accesses
  std::size_t prune_at_ = 4;
};

}  // namespace vigil::shim::race
