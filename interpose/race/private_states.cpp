#include "interpose/race/private_states.hpp"

#include <atomic>

#include "interpose/race/narrow_records.hpp"
#include "interpose/race/wide_records.hpp"

namespace vigil::shim::race {
namespace {

Locked<std::uint8_t> lock_of(WideRecords& records) noexcept { return {records.lock(), 0, 1}; }

PrivateStep step_narrow(const ShadowCell& cell, StateId id, AccessNode& node, const AccessRecord& access,
                        const KnowsRef& ordered, Covered& covered) noexcept {
  LockedNode locked(node);
  if (cell.load(std::memory_order_relaxed) != id) return PrivateStep::Gone;
  NarrowRecords records = locked.records();
  switch (NarrowStep(access, ordered).run(records, covered)) {
    case StepResult::Races:
      return PrivateStep::Races;
    case StepResult::Full:
      return PrivateStep::Full;
    case StepResult::Changed:
      locked.put(records);
      break;
    case StepResult::Same:
      break;
  }
  return PrivateStep::Done;
}

PrivateStep step_wide(const ShadowCell& cell, StateId id, WideRecords& records, const AccessRecord& access,
                      const KnowsRef& ordered, Covered& covered) noexcept {
  const auto locked = lock_of(records);
  if (cell.load(std::memory_order_relaxed) != id) return PrivateStep::Gone;
  switch (records.step(access.word, access.place, ordered, covered)) {
    case WideRecords::Result::Races:
      return PrivateStep::Races;
    case WideRecords::Result::Full:
      return PrivateStep::Full;
    case WideRecords::Result::Done:
      break;
  }
  return PrivateStep::Done;
}

// A number for a private state with those records, which become its own. kUntouched: there is none left.
StateId make_wide(StateCache& cache, WideRecords* records) noexcept {
  const StateId id = cache.take();
  if (id == kUntouched) {
    WideRecords::unmake(records);
    return id;
  }
  mark_born(id);
  AccessNode& node = node_of(id);
  node.wide = records;
  node.flags.store(AccessNode::kPrivate | AccessNode::kWide, std::memory_order_relaxed);
  // In use, and like no access: who looks for one only must go on to the records. release: pairs with the acquire in
  // note_unmarked(), which looks into the node.
  node.word.store(AccessWord::kFreed | AccessWord::kAtomic, std::memory_order_release);
  return StateId{static_cast<std::uint32_t>(id) | kPrivateBit | kWideBit};
}

// The older records of a private state, into a chain or into more room. Its lock is held.
template <class Visit>
void each_record(AccessNode& node, Visit&& visit) noexcept {
  if (node.is_wide()) return node.wide->each(visit);
  const NarrowRecords records = records_of(node, node.flags.load(std::memory_order_relaxed));
  if (records.second != AccessWord()) visit(records.second, records.second_place);
  if (records.third != AccessWord()) visit(records.third, records.third_place);
  visit(records.first, records.first_place);
}

bool widen_locked(StateCache& cache, ShadowCell& cell, StateId id, AccessNode& node) noexcept {
  if (cell.load(std::memory_order_relaxed) != id) return true;
  // A crowded one has all its room again, and more between its records.
  const bool was_crowded = node.is_wide() && node.wide->is_crowded();
  const bool spread = was_crowded || (node.is_wide() && node.wide->is_spread());
  const std::uint32_t room = (node.is_wide() ? node.wide->capacity() : kMostNarrow) + (was_crowded ? 0 : 1);
  if (room > WideRecords::kMost) return false;
  WideRecords* const records = WideRecords::make(room, spread);
  each_record(node, [records](AccessWord word, PlaceId place) { records->put(word, place); });
  const StateId own = make_wide(cache, records);
  if (own == kUntouched) return false;
  StateId expected = id;
  if (!cell.compare_exchange_strong(expected, own, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    cache.give(without_bits(own));
  }
  return true;
}

bool make_chain_locked(StateCache& cache, ShadowCell& cell, StateId id, AccessNode& node) noexcept {
  if (cell.load(std::memory_order_relaxed) != id) return true;
  Step step{kUntouched, 0};
  bool room = true;
  each_record(node, [&](AccessWord word, PlaceId place) {
    const StateId next = room ? push_record(cache, {word, place, false}, step.to) : kUntouched;
    room = next != kUntouched;
    if (room) step = {next, step.fresh + 1};
  });
  if (!room) {
    undo(cache, step);
    return false;
  }
  // release: pairs with the acquire of whoever looks at the chain. The records stay in this node as well: the collector
  // may have looked at the chain's number already.
  StateId expected = id;
  if (!cell.compare_exchange_strong(expected, step.to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    undo(cache, step);
  }
  return true;
}

// work() while the records of that node, wherever they are, are the caller's.
template <class Work>
bool with_records_of(AccessNode& node, Work work) noexcept {
  if (!node.is_wide()) {
    const LockedNode locked(node);
    return work();
  }
  const auto locked = lock_of(*node.wide);
  const bool done = work();
  node.wide->change_version();
  return done;
}

bool share_locked(ShadowCell& cell, StateId id, AccessNode& node, const AccessRecord& access, const KnowsRef& ordered,
                  StateId alone) noexcept {
  std::uint64_t bytes = access.word.bytes();
  bool is_alone = true;
  each_record(node, [&](AccessWord record, PlaceId place) {
    is_alone = is_alone && is_taken_in(access, record, place, ordered, bytes);
  });
  if (!is_alone || bytes != AccessWord::kBytes) return false;
  // The records stay in this node as well: the collector may have looked at the cell already.
  return cell.compare_exchange_strong(id, alone, std::memory_order_acq_rel, std::memory_order_relaxed);
}

}  // namespace

PrivateView look_at_private(StateId id, AccessWord access) noexcept {
  AccessNode& node = node_of(without_bits(id));
  PrivateView view;
  std::uint64_t open = access.bytes();
  std::uint64_t same = access.bytes();  // of this epoch and sort
  std::uint64_t others = 0;
  const auto look = [&](AccessWord record) noexcept {
    if (record.same_epoch(access)) {
      if (record.as_strong_as(access)) open &= ~record.bytes();
      note_covered(view.covered, record);
      if (record.sort() == access.sort()) {
        same |= record.bytes();
        return;
      }
    }
    others |= record.bytes();
  };
  // Another thread may have moved what was the first to be the second meanwhile: then the third is none of its epoch.
  const auto look_at_third = [&](AccessWord third, bool is_of_second) noexcept {
    if (is_of_second) {
      others |= third.bytes();
    } else {
      look(third);
    }
  };
  if (node.is_wide()) {
    node.wide->each_word(look);
  } else {
    // acquire: the first is not read before it. While the first is of this epoch, so is what was of its epoch before.
    const ThirdInFlags third(node.flags.load(std::memory_order_acquire));
    // P2: the first first. acquire: the second is not read before it.
    const AccessWord first(node.word.load(std::memory_order_acquire));
    look(first);
    const AccessWord second(node.second_word());
    look(second);
    if (!third.is_none()) look_at_third(third.word(first, second), third.is_of_second());
  }
  view.is_covered = open == 0;
  view.is_alone = same == AccessWord::kBytes && (others & ~access.bytes()) == 0;
  return view;
}

bool share(ShadowCell& cell, StateId id, const AccessRecord& access, KnowsRef ordered, StateId alone) noexcept {
  AccessNode& node = node_of(without_bits(id));
  return with_records_of(node, [&] { return share_locked(cell, id, node, access, ordered, alone); });
}

PrivateStep step_private(const ShadowCell& cell, StateId id, const AccessRecord& access, KnowsRef ordered,
                         Covered& covered) noexcept {
  AccessNode& node = node_of(without_bits(id));
  return is_wide(id) ? step_wide(cell, id, *node.wide, access, ordered, covered)
                     : step_narrow(cell, id, node, access, ordered, covered);
}

bool find_private_clashes(const ShadowCell& cell, StateId id, AccessWord access, KnowsRef ordered,
                          Clashes& clashes) noexcept {
  AccessNode& node = node_of(without_bits(id));
  return with_records_of(node, [&] {
    if (cell.load(std::memory_order_relaxed) != id) return false;
    each_record(node, [&](AccessWord word, PlaceId place) {
      note_clash(clashes, {word, place, false}, access, ordered);
    });
    return true;
  });
}

bool wants_private(StateId chain) noexcept {
  if (chain == kUntouched || node_of(chain).is_shared()) return false;
  constexpr std::uint32_t kDeepest = 10;  // of such chains; most become private before
  if (node_of(chain).chain.depth > kDeepest) return false;
  for (StateId id = chain; id != kUntouched; id = node_of(id).older) {
    const AccessNode& node = node_of(id);
    if (node.is_raced() || AccessWord(node.word.load(std::memory_order_relaxed)).is_free()) return false;
  }
  return true;
}

StateId make_private(StateCache& cache, StateId chain, const AccessRecord& access, KnowsRef ordered,
                     Covered& covered) noexcept {
  const AccessNode& newest = node_of(chain);
  if (newest.chain.depth <= 2) {
    NarrowRecords records{
        AccessWord(newest.word.load(std::memory_order_relaxed)), {}, {}, newest.place, PlaceId{0}, PlaceId{0}};
    if (newest.older != kUntouched) {
      records.second = AccessWord(node_of(newest.older).word.load(std::memory_order_relaxed));
      records.second_place = node_of(newest.older).place;
    }
    const StepResult result = NarrowStep(access, ordered).run(records, covered);
    if (result == StepResult::Races) return kUntouched;
    if (result != StepResult::Full) {
      const StateId id = cache.take();
      if (id == kUntouched) return id;
      mark_born(id);
      AccessNode& node = node_of(id);
      put_fresh(node, records);
      return StateId{static_cast<std::uint32_t>(id) | kPrivateBit};
    }
  }
  WideRecords* const records = WideRecords::make(newest.chain.depth + 1, false);
  for (StateId id = chain; id != kUntouched; id = node_of(id).older) {
    records->put(AccessWord(node_of(id).word.load(std::memory_order_relaxed)), node_of(id).place);
  }
  if (records->step(access.word, access.place, ordered, covered) != WideRecords::Result::Done) {
    WideRecords::unmake(records);
    return kUntouched;
  }
  return make_wide(cache, records);
}

bool make_chain(StateCache& cache, ShadowCell& cell, StateId id) noexcept {
  AccessNode& node = node_of(without_bits(id));
  return with_records_of(node, [&] { return make_chain_locked(cache, cell, id, node); });
}

bool widen(StateCache& cache, ShadowCell& cell, StateId id) noexcept {
  AccessNode& node = node_of(without_bits(id));
  return with_records_of(node, [&] { return widen_locked(cache, cell, id, node); });
}

}  // namespace vigil::shim::race
