#include "interpose/race/private_states.hpp"

#include <sched.h>

#include <atomic>

namespace vigil::shim::race {
namespace {

struct Records {
  AccessWord first;
  AccessWord second;
  PlaceId first_place{};
  PlaceId second_place{};
};

std::atomic_ref<std::uint64_t> second_of(AccessNode& node) noexcept { return std::atomic_ref(node.second); }

class Locked {
 public:
  explicit Locked(AccessNode& node) noexcept : node_(node) {
    for (unsigned tries = 1;; ++tries) {
      std::uint32_t open = AccessNode::kPrivate;
      if (node.flags.compare_exchange_weak(open, AccessNode::kPrivate | AccessNode::kLocked, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
        return;
      }
      if (tries % 64 == 0) sched_yield();  // whoever holds it for so long does not run
    }
  }
  ~Locked() { node_.flags.store(AccessNode::kPrivate, std::memory_order_release); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  AccessNode& node_;
};

Records records_of(AccessNode& node) noexcept {
  return {AccessWord(node.word.load(std::memory_order_relaxed)),
          AccessWord(second_of(node).load(std::memory_order_relaxed)), node.place, node.second_place};
}

// P2: the second first.
void put(AccessNode& node, const Records& records) noexcept {
  node.second_place = records.second_place;
  second_of(node).store(records.second.bits(), std::memory_order_relaxed);
  node.place = records.first_place;
  node.word.store(records.first.bits(), std::memory_order_relaxed);
}

void note_covered(Covered& covered, AccessWord word) noexcept {
  if (word.is_atomic()) return;
  covered.reads |= word.bytes();
  if (word.is_write()) covered.writes |= word.bytes();
}

// The step of transition.cpp, for at most two records that neither raced nor are frees. The usual case of the hottest
// slow path: kept in registers, so no arrays.
class Step2 {
 public:
  Step2(const AccessRecord& access, const KnowsRef& ordered) noexcept
      : access_(access.word), place_(access.place), ordered_(ordered) {}

  enum class Result : std::uint8_t { Same, Changed, NoFit };

  [[gnu::always_inline]] Result run(Records& records, Covered& covered) noexcept {
    const AccessWord first = records.first;
    const AccessWord second = records.second;
    const bool same_first = first.same_epoch(access_);
    const bool same_second = second.same_epoch(access_);
    open_ = access_.bytes();
    if (same_first && first.as_strong_as(access_)) open_ &= ~first.bytes();
    if (same_second && second.as_strong_as(access_)) open_ &= ~second.bytes();
    if (open_ == 0) {
      if (same_first) note_covered(covered, first);
      if (same_second) note_covered(covered, second);
      return Result::Same;
    }
    added_ = access_.with_bytes(open_);
    const AccessWord left_first = rest_of(first, records.first_place, same_first);
    const AccessWord left_second = second == AccessWord() ? second : rest_of(second, records.second_place, same_second);
    if (races_ || (left_first.bytes() != 0 && left_second.bytes() != 0)) return Result::NoFit;
    bool same_kept = same_second;
    if (left_first.bytes() != 0) {
      records.second = left_first;
      records.second_place = records.first_place;
      same_kept = same_first;
    } else {
      records.second = left_second.bytes() != 0 ? left_second : AccessWord();
    }
    records.first = added_;
    records.first_place = place_;
    note_covered(covered, added_);
    if (same_kept) note_covered(covered, records.second);
    return Result::Changed;
  }

 private:
  // What stays of an older record; without bytes: nothing.
  [[gnu::always_inline]] AccessWord rest_of(AccessWord word, PlaceId place, bool same) noexcept {
    if (same) {
      if (word.sort() == access_.sort() && place == place_) {
        added_ = added_.with_bytes(added_.bytes() | word.bytes());
        return word.with_bytes(0);
      }
      return access_.as_strong_as(word) ? word.with_bytes(word.bytes() & ~open_) : word;
    }
    if ((word.bytes() & open_) == 0) return word;
    if (word.at().slot() != access_.at().slot() && !ordered_(word.at())) {
      races_ |= word.clashes_with(access_);
      return word;
    }
    return access_.as_strong_as(word) ? word.with_bytes(word.bytes() & ~open_) : word;
  }

  const AccessWord access_;
  const PlaceId place_;
  const KnowsRef& ordered_;
  std::uint64_t open_ = 0;
  AccessWord added_;
  bool races_ = false;
};

}  // namespace

PrivateStep step_private(const ShadowCell& cell, StateId id, const AccessRecord& access, KnowsRef ordered,
                         Covered& covered) noexcept {
  AccessNode& node = node_of(without_bit(id));
  const Locked locked(node);
  if (cell.load(std::memory_order_relaxed) != id) return PrivateStep::Gone;
  Records records = records_of(node);
  switch (Step2(access, ordered).run(records, covered)) {
    case Step2::Result::NoFit:
      return PrivateStep::NoFit;
    case Step2::Result::Changed:
      put(node, records);
      break;
    case Step2::Result::Same:
      break;
  }
  return PrivateStep::Done;
}

bool wants_private(StateId chain) noexcept {
  if (chain == kUntouched) return false;
  unsigned depth = 0;
  for (StateId id = chain; id != kUntouched; id = node_of(id).older) {
    const AccessNode& node = node_of(id);
    if (++depth > 2 || node.is_raced() || AccessWord(node.word.load(std::memory_order_relaxed)).is_free()) return false;
  }
  return !node_of(chain).is_shared();
}

StateId make_private(StateCache& cache, StateId chain, const AccessRecord& access, KnowsRef ordered,
                     Covered& covered) noexcept {
  const AccessNode& newest = node_of(chain);
  Records records{AccessWord(newest.word.load(std::memory_order_relaxed)), {}, newest.place, {}};
  if (newest.older != kUntouched) {
    records.second = AccessWord(node_of(newest.older).word.load(std::memory_order_relaxed));
    records.second_place = node_of(newest.older).place;
  }
  if (Step2(access, ordered).run(records, covered) == Step2::Result::NoFit) return kUntouched;
  const StateId id = cache.take();
  if (id == kUntouched) return id;
  mark_born(id);
  AccessNode& node = node_of(id);
  node.flags.store(AccessNode::kPrivate, std::memory_order_relaxed);
  put(node, records);
  return StateId{static_cast<std::uint32_t>(id) | kPrivateBit};
}

bool make_chain(StateCache& cache, ShadowCell& cell, StateId id) noexcept {
  AccessNode& node = node_of(without_bit(id));
  const Locked locked(node);
  if (cell.load(std::memory_order_relaxed) != id) return true;
  const Records records = records_of(node);
  StateId older = kUntouched;
  if (records.second.bytes() != 0) {
    older = push_record(cache, {records.second, records.second_place, false}, kUntouched);
    if (older == kUntouched) return false;
  }
  const StateId chain = push_record(cache, {records.first, records.first_place, false}, older);
  if (chain == kUntouched) {
    if (older != kUntouched) cache.give(older);
    return false;
  }
  // release: pairs with the acquire of whoever looks at the chain. The records stay in this node as well: the collector
  // may have looked at the chain's number already.
  StateId expected = id;
  cell.compare_exchange_strong(expected, chain, std::memory_order_acq_rel, std::memory_order_relaxed);
  return true;
}

}  // namespace vigil::shim::race
