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

// The most usual of these, as where a mutex is held: from a place that the thread has been at before, and all that is
// known happened before. Apart from the rest, which needs much room for what it works out.
[[nodiscard, gnu::always_inline]] inline bool renews_over(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  if (word.is_atomic() || thread.part->named != word.at().slot()) return false;
  const Visit visit(thread);
  const ContextId context = hot.top[-1].context;
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  if (context == kNoContext || thread.last_write == EngineThread::LastWrite{all, one.pc, context}) return false;
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_private(id) || is_wide(id)) return false;
  const LockSetId held = held_set(thread);
  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  if (known.pc != one.pc || known.context != context || known.held != held) return false;
  ActorClock& clock = thread.actor->clocks.whole;
  clock.now_in_shadow();
  {
    LockedNode locked(node_of(without_bits(id)));
    if (one.cell.load(std::memory_order_relaxed) != id) return false;
    if (!locked.put_over(word, known.place, [&](Epoch at) noexcept { return is_ordered(thread, clock, at); }))
      return false;
  }
  note_last_write(thread, word, one.pc, context);
  remember_alone(thread, id, word);
  return true;
}

// The same where they are in a block.
[[gnu::always_inline]] inline bool renews_block(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  ActorClock& clock = thread.actor->clocks.whole;
  if (thread.part->named != word.at().slot()) return false;
  const Visit visit(thread);
  const ContextId context = context_here(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_wide(id)) return false;
  const LockSetId held = held_set(thread);
  EngineThread::LoneRenewal* const lone = thread.known_lone_renewal(id);
  // The round is asked inside: else the number may be another state's by now.
  const bool is_known = lone != nullptr && lone->is_for(one.pc, context, held) && thread.flushed == collector_round();
  clock.now_in_shadow();
  WideRecords::Renewal renewal = is_known ? WideRecords::renew_again(lone->own, word) : WideRecords::Renewal::NotUsual;
  if (renewal == WideRecords::Renewal::Done) [[likely]] {
    remember_alone(thread, id, word);
    return true;
  }

  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  const bool is_sweep = thread.last_write == EngineThread::LastWrite{all, one.pc, context};
  if (is_sweep || known.pc != one.pc || known.context != context) {
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
  if (renewal == WideRecords::Renewal::NotUsual) {
    WideRecords::OwnRecord found;
    renewal = node_of(without_bits(id)).wide->renew_alone(word, access.place, found);
    if (renewal == WideRecords::Renewal::Done) {
      thread.lone_renewal(id) = {id, context, one.pc, held, found};
      remember_alone(thread, id, word);
      return true;
    }
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
}  // namespace
void renew_in_node(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  if (!renews_over({*hot.thread, cell, word, address, pc})) renew_in_node_anyhow(cell, address, word, pc);
}
void renew_in_block(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  if (!renews_block({*hot.thread, cell, word, address, pc})) any_access_within(address, word, pc);
}

}  // namespace vigil::shim::race
