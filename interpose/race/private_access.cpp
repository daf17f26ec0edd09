#include "interpose/race/private_access.hpp"

#include "interpose/race/collect.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/usual_access.hpp"
#include "interpose/race/wide_records.hpp"

namespace vigil::shim::race {
namespace {

// Of a sweep over granules that have their records to themselves, in their nodes: this one gets the state that the one
// before it got, if nothing but this access is left.
enum class Rejoin : std::uint8_t { Done, Not, NoState };  // NoState: it would, but there is none to get
[[gnu::noinline]] Rejoin rejoins(const OneAccess& one, StateId id, ContextId context) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  AccessNode& node = node_of(without_bits(id));
  const AccessWord first(node.word.load(std::memory_order_relaxed));
  const bool is_continued = first.same_epoch(word) && first.sort() == word.sort();
  if ((word.bytes() | (is_continued ? first.bytes() : 0)) != AccessWord::kBytes) return Rejoin::Not;
  const AccessWord whole = word.with_bytes(AccessWord::kBytes);
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  const Move& move = thread.memos.move_for(kUntouched, whole.bits(), one.pc, context);
  if (!move.is_for(kUntouched, whole.bits(), one.pc, context, held) || thread.flushed != collector_round()) {
    return Rejoin::NoState;
  }
  node_of(move.to).mark_shared();
  const AccessRecord access{word, node_of(move.to).place, false};
  const ActorClock& clock = thread.actor->clocks.whole;
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  {
    const LockedNode locked(node);
    const NarrowRecords records = locked.records();
    std::uint64_t bytes = word.bytes();
    const auto goes = [&](AccessWord record, PlaceId place) {
      return record == AccessWord() || is_taken_in(access, record, place, ordered, bytes);
    };
    if (!goes(records.first, records.first_place) || !goes(records.second, records.second_place) ||
        !goes(records.third, records.third_place) || bytes != AccessWord::kBytes) {
      return Rejoin::Not;
    }
    // The records stay in this node as well: the collector may have looked at the cell already.
    if (!one.cell.compare_exchange_strong(id, move.to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return Rejoin::Not;
    }
  }
  thread.remember_covered(word.at().bits(), move.to, 0, 0);
  return Rejoin::Done;
}

// The granule has its records to itself, in its node, and takes one more. The lock is taken before they are looked at:
// to look first is to fetch their line twice where another thread has changed it.
[[gnu::always_inline]] inline bool renews_node(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  ActorClock& clock = thread.actor->clocks.whole;
  if (thread.part->named != word.at().slot()) return false;
  const Visit visit(thread);
  flush_if_due(thread);
  const ContextId context = context_here(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_private(id) || is_wide(id)) return false;
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  if (thread.last_write == EngineThread::LastWrite{all, one.pc, context}) {
    const Rejoin rejoin = rejoins(one, id, context);
    if (rejoin != Rejoin::Not) return rejoin == Rejoin::Done;
  }
  const AccessRecord access{word, place_at(thread, one.pc, context), false};
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  clock.now_in_shadow();
  Covered covered;
  {
    LockedNode locked(node_of(without_bits(id)));
    if (one.cell.load(std::memory_order_relaxed) != id) return false;
    NarrowRecords records = locked.records();
    const StepResult result = NarrowStep(access, ordered).run(records, covered);
    if (result == StepResult::Races || result == StepResult::Full) return false;
    if (result == StepResult::Changed) locked.put(records);
    if (result == StepResult::Same) thread.note_covered_missed();
  }
  note_last_write(thread, word, one.pc, context);
  thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
  return true;
}

// What the two usual ways below ask first: whether the access is plain, no sweep (which may give granules their shared
// states back), and its place is one that the thread has been at before. Inside a Visit.
struct KnownWay {
  ContextId context{};
  PlaceId place{0};  // 0: it is not so simple
};
[[nodiscard, gnu::always_inline]] inline KnownWay known_way(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const ContextId context = hot.top[-1].context;
  const std::uint64_t all = one.word | AccessWord::kBytes;
  if (context == kNoContext || thread.last_write == EngineThread::LastWrite{all, one.pc, context}) return {};
  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  if (!known.is_for(one.pc, context, known_held_set(thread))) return {};
  return {context, known.place()};
}
[[nodiscard, gnu::always_inline]] inline bool is_plain_and_named(const OneAccess& one) noexcept {
  const AccessWord word(one.word);
  return !word.is_atomic() && one.thread.part->named == word.at().slot();
}

// Whether a record gives way to this plain access, or is the write that stays beside a read: it is a plain one of the
// same bytes, and happened before.
[[nodiscard, gnu::always_inline]] inline bool gives_way(const OneAccess& one, const ActorClock& clock,
                                                        AccessWord older) noexcept {
  const AccessWord word(one.word);
  constexpr std::uint64_t kAlike = AccessWord::kBytes | AccessWord::kAtomic;
  const std::uint64_t differs = older.bits() ^ word.bits();
  if ((differs & kAlike) != 0) return false;
  if (differs >> (kTimeBits + kSpareBits) != 0) return is_seen_ordered(one.thread, clock, older.at());
  return (differs & AccessWord::kEpoch) != 0 || (word.is_write() && !older.is_write());
}
// The two records of that node, there is no third, and its lock are the caller's: what put_over() of a block
// (wide_records.hpp) does.
[[nodiscard, gnu::always_inline]] inline bool puts_over(const OneAccess& one, AccessNode& node,
                                                        PlaceId place) noexcept {
  constexpr std::uint64_t kTime = std::uint64_t{kLastTime} << kSpareBits;
  const AccessWord word(one.word);
  const AccessWord first(node.word.load(std::memory_order_relaxed));
  const std::uint64_t differs = first.bits() ^ word.bits();
  // If the newest is this access, in an earlier epoch, the other one was compared with that.
  if ((differs & ~kTime) != 0 || differs == 0) {
    const ActorClock& clock = one.thread.actor->clocks.whole;
    const AccessWord second(second_of(node).load(std::memory_order_relaxed));
    if (!gives_way(one, clock, first)) return false;
    if (second != AccessWord()) {
      // Of two writes neither stays beside a read.
      if (!gives_way(one, clock, second) || (!word.is_write() && first.is_write() && second.is_write())) return false;
    }
    // P2 of private_states.hpp: the second first.
    if (!word.is_write() && first.is_write()) {
      node.second_place = node.place;
      second_of(node).store(first.bits(), std::memory_order_relaxed);
    } else if (word.is_write() || !second.is_write()) {
      second_of(node).store(0, std::memory_order_relaxed);
    }
  }
  one.thread.actor->clocks.whole.now_in_shadow();
  node.place = place;
  node.word.store(word.bits(), std::memory_order_relaxed);
  return true;
}

// The most usual of all, as where a mutex is held: all that is known of the granule are plain accesses of the same
// bytes that happened before this one. A write is then all that stays, and beside a read the last write. It calls
// nothing, so that it needs no stack frame; where it is not so simple, or somebody has the lock, the rest of this file
// has it done.
[[nodiscard, gnu::always_inline]] inline bool renews_over(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  if (!is_plain_and_named(one)) return false;
  const Visit visit(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_private(id) || is_wide(id) || thread.flushed != collector_round()) return false;
  const KnownWay way = known_way(one);
  if (way.place == PlaceId{0}) return false;
  AccessNode& node = node_of(without_bits(id));
  std::uint32_t flags = AccessNode::kPrivate;  // and no third record
  // Tried before it is looked at: to look first is to fetch a line twice that another processor has changed.
  if (!node.flags.compare_exchange_strong(flags, AccessNode::kPrivate | AccessNode::kLocked, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
    return false;
  }
  const bool done = one.cell.load(std::memory_order_relaxed) == id && puts_over(one, node, way.place);
  node.flags.store(AccessNode::kPrivate, std::memory_order_release);
  if (!done) return false;
  note_last_write(thread, word, one.pc, way.context);
  remember_plain(thread, id, word);
  return true;
}

// The same of a granule whose records are in a block that is not spread, where others may be that do not clash.
[[nodiscard, gnu::always_inline]] inline bool renews_among(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  if (!is_plain_and_named(one)) return false;
  const Visit visit(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_wide(id) || thread.flushed != collector_round()) return false;
  WideRecords& records = *node_of(without_bits(id)).wide;
  if (records.is_spread()) return false;
  const KnownWay way = known_way(one);
  if (way.place == PlaceId{0}) return false;
  std::uint8_t open = 0;
  if (!records.lock().compare_exchange_strong(open, 1, std::memory_order_seq_cst, std::memory_order_relaxed))
    return false;
  ActorClock& clock = thread.actor->clocks.whole;
  const auto ordered = [&](Epoch epoch) noexcept { return is_seen_ordered(thread, clock, epoch); };
  Covered covered;
  const bool done =
      one.cell.load(std::memory_order_relaxed) == id && records.put_over(word, way.place, ordered, covered);
  if (done) clock.now_in_shadow();
  records.lock().store(0, std::memory_order_release);
  if (!done) return false;
  note_last_write(thread, word, one.pc, way.context);
  thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
  return true;
}

// The same where they are in a block.
[[gnu::always_inline]] inline bool renews_block(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  ActorClock& clock = thread.actor->clocks.whole;
  if (thread.part->named != word.at().slot()) return false;
  const Visit visit(thread);
  flush_if_due(thread);
  const ContextId context = context_here(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_wide(id)) return false;
  const LockSetId held = held_set(thread);
  clock.now_in_shadow();

  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  const bool is_sweep = thread.last_write == EngineThread::LastWrite{all, one.pc, context};
  if (is_sweep || !known.is_for(one.pc, context)) {
    // A sweep gives granules their shared states back; and to ask for a place costs more than to see that there is no
    // need to.
    const PrivateView view = look_at_private(id, word);
    if (view.is_covered) {
      thread.note_covered_missed();
      thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~view.covered.reads),
                              static_cast<std::uint8_t>(~view.covered.writes));
      return true;
    }
    if (is_sweep && view.is_alone) return false;
  }
  const AccessRecord access{word, place_at(thread, one.pc, context), false};
  WideRecords::OwnRecord found;
  const WideRecords::Renewal renewal = node_of(without_bits(id)).wide->renew_alone(word, access.place, found);
  if (renewal == WideRecords::Renewal::Done) {
    thread.lone_renewal(id, word) = {id, context, one.pc, held, access.place, found};
    remember_alone(thread, id, word);
    return true;
  }
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  Covered covered;
  if (step_private(one.cell, id, access, KnowsRef(ordered), covered) != PrivateStep::Done) {
    // The granule still had this state, with the lock held, if the step was done: then nobody took the epoch along.
    thread.in_doubt = renewal == WideRecords::Renewal::TakenBack;
    return false;
  }
  note_last_write(thread, word, one.pc, context);
  thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
  return true;
}

}  // namespace

bool renews_in_node(const OneAccess& one) noexcept { return renews_node(one); }
bool renews_in_block(const OneAccess& one) noexcept { return renews_block(one); }

namespace {
[[gnu::noinline]] void renew_in_node_anyhow(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                            std::uintptr_t pc) noexcept {
  if (!renews_node({*hot.thread, cell, word, address, pc})) any_access_within(address, word, pc);
}
[[gnu::noinline]] void renew_in_block_anyhow(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                             std::uintptr_t pc) noexcept {
  if (!renews_block({*hot.thread, cell, word, address, pc})) any_access_within(address, word, pc);
}
}  // namespace
void renew_in_node(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  if (!renews_over({*hot.thread, cell, word, address, pc})) renew_in_node_anyhow(cell, address, word, pc);
}
namespace {
[[gnu::noinline]] void renew_among(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                   std::uintptr_t pc) noexcept {
  if (!renews_among({*hot.thread, cell, word, address, pc})) renew_in_block_anyhow(cell, address, word, pc);
}
}  // namespace
void renew_in_block(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  const WideRecords::Renewal renewal = renew_lone({*hot.thread, cell, word, address, pc});
  if (renewal == WideRecords::Renewal::Done) return;
  if (renewal == WideRecords::Renewal::TakenBack) return any_access_within(address, word, pc);
  renew_among(cell, address, word, pc);
}

}  // namespace vigil::shim::race
