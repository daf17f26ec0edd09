// The usual ways of an access to a granule that has its records to itself (private_states.hpp), from a place that the
// thread has been at before, mostly.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/race/collect.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/narrow_records.hpp"
#include "interpose/race/one_access.hpp"

namespace vigil::shim::race {

// Of a granule whose records are in its node, or in a block. They look again.
void renew_in_node(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept;
void renew_in_block(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept;

// The same, which say false where it is not so simple, or clashes: the general way is then to be gone.
[[nodiscard]] bool renews_in_node(const OneAccess& one) noexcept;
[[nodiscard]] bool renews_in_block(const OneAccess& one) noexcept;

// For the next one of a sweep.
[[gnu::always_inline]] inline void note_last_write(EngineThread& thread, AccessWord word, std::uintptr_t pc,
                                                   ContextId context) noexcept {
  constexpr std::uint64_t kHow = AccessWord::kWrite | AccessWord::kAtomic | AccessWord::kLastByte;
  if ((word.bits() & kHow) != (AccessWord::kWrite | AccessWord::kLastByte)) return;
  thread.last_write = {word.with_bytes(AccessWord::kBytes).bits(), pc, context};
}

// The most usual of all accesses that change something, as of a local variable each time around a loop that sends or
// receives: the granule has its records to itself, in its node, and
// - all of them are this actor's, of the same bytes: a write is then all that stays, and beside a read the last write;
// - or the newest is this access, from the same place, in an earlier epoch: whatever else the records say was compared
//   with that one when it was made, and does not clash with this one either. Its epoch is all that changes.
// It calls nothing, so that it needs no stack frame.
[[nodiscard, gnu::always_inline]] inline bool renews_own(const OneAccess& one) noexcept {
  constexpr std::uint64_t kTime = std::uint64_t{kLastTime} << kSpareBits;
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  // What others hold a lock for, or change as an atomic, may lie in their processor's cache: it is not looked at first.
  if (word.is_atomic() || !thread.actor->held.empty() || thread.part->named != word.at().slot()) return false;
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  if (thread.last_write == EngineThread::LastWrite{all, one.pc, hot.top[-1].context}) return false;  // a sweep
  const Visit visit(thread);
  const ContextId context = hot.top[-1].context;
  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  if (!known.is_for(one.pc, context, LockSetId{0})) return false;
  // Asked inside: a number that was seen before may be another granule's by now.
  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_private(id) || is_wide(id)) return false;
  AccessNode& node = node_of(without_bits(id));
  const AccessWord first(node.word.load(std::memory_order_relaxed));
  const AccessWord second(second_of(node).load(std::memory_order_relaxed));
  const bool is_same = ((first.bits() ^ word.bits()) & ~kTime) == 0 &&
                       std::atomic_ref(node.place).load(std::memory_order_relaxed) == known.place();
  if (!is_same && !are_own(first, second, word)) return false;

  std::uint32_t flags = AccessNode::kPrivate;  // and no third record
  if (!node.flags.compare_exchange_strong(flags, AccessNode::kPrivate | AccessNode::kLocked, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
    return false;
  }
  const bool is_still = node.word.load(std::memory_order_relaxed) == first.bits() &&
                        second_of(node).load(std::memory_order_relaxed) == second.bits() &&
                        one.cell.load(std::memory_order_relaxed) == id;
  if (is_still) {
    thread.actor->clocks.whole.now_in_shadow();
    // P2 of private_states.hpp: the second first.
    if (!is_same && !word.is_write() && first.is_write()) {
      node.second_place = node.place;
      second_of(node).store(first.bits(), std::memory_order_relaxed);
    } else if (!is_same && (word.is_write() || !second.is_write())) {
      second_of(node).store(0, std::memory_order_relaxed);
    }
    node.place = known.place();
    node.word.store(word.bits(), std::memory_order_relaxed);
  }
  node.flags.store(AccessNode::kPrivate, std::memory_order_release);
  if (!is_still) return false;
  note_last_write(thread, word, one.pc, context);
  const auto open_to_reads = static_cast<std::uint8_t>(~word.bytes());
  thread.remember_covered(word.at().bits(), id, open_to_reads, word.is_write() ? open_to_reads : 0xff);
  return true;
}

// Its record, of a plain access, in that state, is all that is known to cover.
[[gnu::always_inline]] inline void remember_plain(EngineThread& thread, StateId id, AccessWord word) noexcept {
  const auto open_to_reads = static_cast<std::uint8_t>(~word.bytes());
  thread.remember_covered(word.at().bits(), id, open_to_reads, word.is_write() ? open_to_reads : 0xff);
}
// Its record, in that state, is all that is known to cover.
[[gnu::always_inline]] inline void remember_alone(EngineThread& thread, StateId id, AccessWord word) noexcept {
  Covered covered;
  note_covered(covered, word);
  thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
}

// What several actors read, or change as an atomic, in ever new epochs: this actor's record is renewed where it was
// renewed last. Calls nothing, as above.
[[nodiscard, gnu::always_inline]] inline WideRecords::Renewal renew_lone(const OneAccess& one) noexcept {
  using Renewal = WideRecords::Renewal;
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  if (thread.part->named != word.at().slot()) return Renewal::NotUsual;
  const Visit visit(thread);
  const StateId id = one.cell.load(std::memory_order_acquire);
  EngineThread::LoneRenewal* const lone = thread.known_lone_renewal(id, word);
  // Asked inside: else the number may be another state's by now.
  if (lone == nullptr || thread.flushed != collector_round()) return Renewal::NotUsual;
  const ContextId context = hot.top[-1].context;
  const LockSetId held = known_held_set(thread);
  PlaceId place = lone->place;
  if (!lone->is_for(one.pc, context, held)) {
    const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
    if (context == kNoContext || !known.is_for(one.pc, context, held)) return Renewal::NotUsual;
    place = known.place();
  }
  thread.actor->clocks.whole.now_in_shadow();
  const Renewal renewal = WideRecords::renew_again(lone->own, word, place);
  if (renewal == Renewal::Done) [[likely]]
    remember_alone(thread, id, word);
  // The general way settles that.
  if (renewal == Renewal::TakenBack) thread.in_doubt = true;
  return renewal;
}

}  // namespace vigil::shim::race
