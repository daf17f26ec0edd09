#include "interpose/race/usual_access.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include "interpose/race/chain_compaction.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/covered.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/one_access.hpp"
#include "interpose/race/private_access.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/slot_owners.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {
namespace {

[[nodiscard, gnu::always_inline]] inline const Move* known_move(EngineThread& thread, StateId from, std::uint64_t word,
                                                                std::uintptr_t pc) noexcept {
  const ContextId context = hot.top[-1].context;
  const Move& move = thread.memos.move_for(from, word, pc, context);
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  if (!move.is_for(from, word, pc, context, held) || move.to == from) return nullptr;
  if (thread.flushed != collector_round()) return nullptr;
  node_of(move.to).mark_shared();
  return &move;
}

// The granule is in a state from which this thread knows the move, as that of the one before it. It calls nothing, so
// that a sweep over an array needs no stack frame.
[[nodiscard, gnu::always_inline]] inline bool moves_on(const OneAccess& one) noexcept {
  // Such a move was made in this epoch already: the slot has its owner, the clock knows that it was given out.
  const Visit visit(one.thread);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (from == kUntouched && !is_noted(one.address)) return false;
  const Move* const move = known_move(one.thread, from, one.word, one.pc);
  if (move == nullptr) return false;
  const StateId to = move->to;
  if (!one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) return false;
  one.thread.remember_covered(one.word & AccessWord::kEpoch, to, move->open_to_reads, move->open_to_writes);
  return true;
}

// Nothing is known of the granule, or a write that came before, of which stays beside this access what that does not
// supersede: the chain of these two, as add_access() (transition.hpp) would have it. Not where the granule had better
// get a private state.
[[gnu::always_inline]] inline bool puts_on(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (is_private(from)) return false;
  Step step{from, 0};  // to what stays of it
  if (from != kUntouched) {
    const AccessNode& node = node_of(from);
    const AccessWord old(node.word.load(std::memory_order_relaxed));
    if (old.sort() != AccessWord::kWrite || old.same_epoch(word)) return false;
    if (node.older != kUntouched || !node.is_shared() || node.is_raced()) return false;
    if (old.at().slot() != word.at().slot() && !is_ordered(thread, thread.actor->clocks.whole, old.at())) return false;
    const std::uint64_t left = word.is_write() ? old.bytes() & ~word.bytes() : old.bytes();
    if (left == 0) {
      step.to = kUntouched;
    } else if (left != old.bytes()) {
      step = {push_record(thread.states, {old.with_bytes(left), node.place, false}, kUntouched), 1};
      if (step.to == kUntouched) return false;
    }
  }
  thread.actor->clocks.whole.now_in_shadow();
  const ContextId context = context_here(thread);
  const StateId to = push_record(thread.states, {word, place_at(thread, one.pc, context), false}, step.to);
  if (to != kUntouched) step = {to, step.fresh + 1};
  if (from == kUntouched) note_untouched(one.address);
  const StateId before = from;
  if (to == kUntouched ||
      !one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    undo(thread.states, step);
    return false;
  }
  const auto open_to_reads = static_cast<std::uint8_t>(~word.bytes());
  const auto open_to_writes = static_cast<std::uint8_t>(word.is_write() ? open_to_reads : 0xff);
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  thread.memos.move_for(before, one.word, one.pc, context) = {one.word, one.pc, before,        to,
                                                              context,  held,   open_to_reads, open_to_writes};
  thread.note_filled();
  thread.remember_covered(word.at().bits(), to, open_to_reads, open_to_writes);
  return true;
}

// Nothing but a read of this epoch, and a write before it, are known of the granule, both this actor's: whatever it now
// writes over both is all that stays. It has been used in two epochs only, so it need not get a private state yet.
[[gnu::always_inline]] inline bool overwrites(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (is_private(from) || from == kUntouched || !word.is_write()) return false;
  const AccessNode& node = node_of(from);
  if (node.older == kUntouched || node.is_raced() || node.is_shared()) return false;
  const AccessNode& older = node_of(node.older);
  if (older.older != kUntouched || older.is_raced()) return false;
  const AccessWord read(node.word.load(std::memory_order_relaxed));
  const AccessWord write(older.word.load(std::memory_order_relaxed));
  if (read.sort() != 0 || !read.same_epoch(word)) return false;
  if (write.sort() != AccessWord::kWrite || write.at().slot() != word.at().slot()) return false;
  if (((read.bytes() | write.bytes()) & ~word.bytes()) != 0) return false;
  thread.actor->clocks.whole.now_in_shadow();
  const PlaceId place = place_at(thread, one.pc, context_here(thread));
  const StateId to = push_record(thread.states, {word, place, false}, kUntouched);
  if (to == kUntouched) return false;
  if (!one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    thread.states.give(to);
    return false;
  }
  const auto open = static_cast<std::uint8_t>(~word.bytes());
  thread.remember_covered(word.at().bits(), to, open, open);
  return true;
}

// The granule was changed without company, and what is known of it does not go with this access alone: it gets a
// private state. As Entering::in_chain() (memory.cpp) does it, without its questions before.
[[gnu::always_inline]] inline bool becomes_private(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (is_private(from) || !wants_private(from)) return false;
  const AccessNode& node = node_of(from);
  if (node.older == kUntouched && AccessWord(node.word.load(std::memory_order_relaxed)).same_epoch(word)) return false;
  const Covered known = covered_on_top(from, word.at());
  if (((word.is_write() ? known.writes : known.reads) & word.bytes()) == word.bytes()) return false;
  ActorClock& clock = thread.actor->clocks.whole;
  clock.now_in_shadow();
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  const AccessRecord access{word, place_at(thread, one.pc, context_here(thread)), false};
  Covered covered;
  const StateId own = make_private(thread.states, from, access, KnowsRef(ordered), covered);
  if (own == kUntouched) return false;
  if (!one.cell.compare_exchange_strong(from, own, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    thread.states.give(without_bits(own));
    return false;
  }
  thread.remember_covered(word.at().bits(), own, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
  return true;
}

// Many have read it already: one more record on top of theirs.
[[gnu::always_inline]] inline bool joins_readers(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (word.is_write() || is_private(from) || from == kUntouched) return false;
  if (node_of(from).chain.depth <= kDeepFrom || wants_private(from)) return false;
  ActorClock& clock = thread.actor->clocks.whole;
  clock.now_in_shadow();
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  const AccessRecord access{word, place_at(thread, one.pc, context_here(thread)), false};
  const Step step = put_on_top(thread.states, from, access, KnowsRef(ordered));
  if (step.fresh == 0) return false;
  if (!one.cell.compare_exchange_strong(from, step.to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    undo(thread.states, step);
    return false;
  }
  StateId to = step.to;
  if (wants_compaction(to)) [[unlikely]]
    to = compact(thread.states, one.cell, to, word, KnowsRef(ordered));
  thread.remember_covered(word.at().bits(), to, static_cast<std::uint8_t>(~word.bytes()), 0xff);
  return true;
}

}  // namespace

LockSetId held_set_anew(EngineThread& thread) noexcept {
  locks::HeldLocks& held = thread.actor->held;
  const std::span<const locks::HeldLock> live = held.live();
  if (live.empty()) return LockSetId{0};
  EngineThread::KnownSet& known = thread.known_set;
  const auto is_lock = [](const locks::HeldLock& one, locks::LockId lock) { return one.lock == lock; };
  const auto end = known.locks.begin() + static_cast<std::ptrdiff_t>(known.count);
  if (std::equal(live.begin(), live.end(), known.locks.begin(), end, is_lock)) return known.set;
  const LockSetId set = lock_set_of(held);
  if (live.size() <= known.locks.size()) {
    known.count = live.size();
    for (std::size_t i = 0; i < live.size(); ++i) known.locks[i] = live[i].lock;
    known.set = set;
  }
  return set;
}

PlaceId place_anew(EngineThread& thread, EngineThread::KnownPlace& known, std::uintptr_t pc, ContextId context,
                   LockSetId held) noexcept {
  const PlaceId place = place_of(context, pc, held);
  known = {pc, context, held, place};
  thread.note_place_filled();
  return place;
}

void name_slot_anew(EngineThread& thread, Epoch at) noexcept {
  thread.part->named = at.slot();
  own_slot(at, thread.actor_key);
}

bool is_ordered_slow(EngineThread& thread, const ActorClock& clock, Epoch epoch) noexcept {
  if (!happened_before(epoch, clock)) return false;
  thread.order_with(epoch.slot()) = {thread.actor_key, epoch.slot(), epoch.time()};
  return true;
}

void note_untouched(std::uintptr_t address) noexcept {
  note_touched(address);
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (address < hot.lowest && address >= here) hot.lowest = address;
}

namespace {

[[nodiscard, gnu::always_inline]] inline bool goes_on(const OneAccess& one) noexcept {
  const AccessWord word(one.word);
  if (word.is_atomic() || word.at() == Epoch()) return false;
  if (enter() == nullptr) return false;
  name_slot(one.thread, word.at());
  const bool done = puts_on(one) || overwrites(one) || becomes_private(one) || joins_readers(one);
  leave(one.thread);
  return done;
}

[[gnu::noinline]] void in_chain(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                std::uintptr_t pc) noexcept {
  if (!goes_on({*hot.thread, cell, word, address, pc})) any_access_within(address, word, pc);
}

// Nothing is known of the granule, and of others that were written with it, but a write of this actor's in an earlier
// epoch: a read is put on top of it, as puts_on() does. So is most of what an object holds when it is read the last
// time, by whoever made it. Inside a visit.
[[nodiscard, gnu::always_inline]] inline bool reads_own(const OneAccess& one) noexcept {
  constexpr std::uint64_t kHow = AccessWord::kWrite | AccessWord::kAtomic | AccessWord::kFreed;
  constexpr unsigned kSlotShift = kTimeBits + kSpareBits;
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  if (thread.flushed != collector_round() || thread.part->named != word.at().slot()) return false;
  StateId from = one.cell.load(std::memory_order_acquire);
  if (is_private(from)) return false;
  const AccessNode& node = node_of(from);  // of what is not known, number 0, the record is empty
  const std::uint64_t old = node.word.load(std::memory_order_relaxed);
  if ((old & kHow) != AccessWord::kWrite || (old ^ word.bits()) >> kSlotShift != 0) return false;
  if (((old ^ word.bits()) & AccessWord::kEpoch) == 0 || node.older != kUntouched) return false;
  constexpr std::uint32_t kHints = AccessNode::kShared | AccessNode::kRaced;
  if ((node.flags.load(std::memory_order_relaxed) & kHints) != AccessNode::kShared) return false;
  const ContextId context = context_here(thread);
  thread.actor->clocks.whole.now_in_shadow();
  const StateId to = push_record(thread.states, {word, place_at(thread, one.pc, context), false}, from);
  if (to == kUntouched) return false;
  const StateId before = from;
  if (!one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    thread.states.give(to);
    return false;
  }
  const auto open_to_reads = static_cast<std::uint8_t>(~word.bytes());
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  thread.memos.move_for(before, one.word, one.pc, context) = {one.word, one.pc, before,        to,
                                                              context,  held,   open_to_reads, 0xff};
  thread.note_filled();
  thread.remember_covered(word.at().bits(), to, open_to_reads, 0xff);
  return true;
}
// Demands: the access is a plain read, and usual.
[[gnu::noinline]] void read_in_chain(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                     std::uintptr_t pc) noexcept {
  EngineThread& thread = *hot.thread;
  inside_shim = true;
  thread.begin_visit();
  const bool done = reads_own({thread, cell, word, address, pc});
  leave(thread);
  if (!done) in_chain(cell, address, word, pc);
}
// The program may have said that it counts for nothing; or nothing can be seen now.
[[gnu::noinline]] void unusual_access(ShadowCell& /*cell*/, std::uintptr_t address, std::uint64_t word,
                                      std::uintptr_t pc) noexcept {
  if ((AccessWord(word).is_write() ? ignored.writes : ignored.reads) == 0) any_access_within(address, word, pc);
}

// Both are in one state, from which the move is known.
[[nodiscard, gnu::always_inline]] inline bool two_move_on(EngineThread& thread, ShadowCell& cell,
                                                          std::uintptr_t address, std::uint64_t word,
                                                          std::uintptr_t pc) noexcept {
  // Of x86-64 a word changes as a whole for those, too, who look at half of it.
  auto* const both = reinterpret_cast<std::atomic<std::uint64_t>*>(&cell);
  if (reinterpret_cast<std::uintptr_t>(both) % sizeof(*both) != 0) return false;
  constexpr std::uint64_t kTwice = (std::uint64_t{1} << 32U) + 1;
  const Visit visit(thread);
  std::uint64_t before = both->load(std::memory_order_acquire);
  const StateId from{static_cast<std::uint32_t>(before)};
  if (before != static_cast<std::uint64_t>(from) * kTwice) return false;
  if (from == kUntouched && !is_noted(address)) return false;
  const Move* const move = known_move(thread, from, word, pc);
  if (move == nullptr) return false;
  const StateId to = move->to;
  if (!both->compare_exchange_strong(before, static_cast<std::uint64_t>(to) * kTwice, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
    return false;
  }
  thread.remember_covered(word & AccessWord::kEpoch, to, move->open_to_reads, move->open_to_writes);
  return true;
}

// Nothing is known of either: they get one new state together, which is what puts_on() makes of the first and
// moves_on() of the other.
[[nodiscard, gnu::always_inline]] inline bool two_put_on(EngineThread& thread, ShadowCell& cell, std::uintptr_t address,
                                                         std::uint64_t access, std::uintptr_t pc) noexcept {
  const AccessWord word(access);
  auto* const both = reinterpret_cast<std::atomic<std::uint64_t>*>(&cell);
  if (reinterpret_cast<std::uintptr_t>(both) % sizeof(*both) != 0) return false;
  if (both->load(std::memory_order_relaxed) != 0) return false;
  if (word.at() == Epoch() || enter() == nullptr) return false;
  name_slot(thread, word.at());
  const ContextId context = context_here(thread);
  thread.actor->clocks.whole.now_in_shadow();
  const StateId to = push_record(thread.states, {word, place_at(thread, pc, context), false}, kUntouched);
  bool done = to != kUntouched;
  if (done) {
    node_of(to).make_shared();
    note_untouched(address);  // both lie in one chunk
    constexpr std::uint64_t kTwice = (std::uint64_t{1} << 32U) + 1;
    std::uint64_t expected = 0;
    done = both->compare_exchange_strong(expected, static_cast<std::uint64_t>(to) * kTwice, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
    if (!done) thread.states.give(to);
  }
  if (done) {
    const std::uint8_t open_to_writes = word.is_write() ? 0 : 0xff;
    const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
    thread.memos.move_for(kUntouched, access, pc, context) = {access,  pc,   kUntouched, to,
                                                              context, held, 0,          open_to_writes};
    thread.note_filled();
    thread.remember_covered(word.at().bits(), to, 0, open_to_writes);
  }
  leave(thread);
  return done;
}

// One after the other, as long as each is usual; the rest as one access.
[[gnu::noinline]] void two_one_by_one(std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  std::uintptr_t at = address;
  const std::uintptr_t end = address + std::uintptr_t{2} * kGranuleBytes;
  for (; at != end; at += kGranuleBytes) {
    const OneAccess one{*hot.thread, cell_of(at), word, at, pc};
    if (is_private(one.cell.load(std::memory_order_relaxed)) || !(moves_on(one) || goes_on(one))) break;
  }
  if (at != end) any_access(at, end - at, word & AccessWord::kWrite, pc);
}
[[gnu::noinline]] void two_elsewhere(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                     std::uintptr_t pc) noexcept {
  if (!two_put_on(*hot.thread, cell, address, word, pc)) two_one_by_one(address, word, pc);
}
[[gnu::noinline]] void two_unusual(std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  const bool is_write = AccessWord(word).is_write();
  if ((is_write ? ignored.writes : ignored.reads) != 0) return;
  any_access(address, std::size_t{2} * kGranuleBytes, word & AccessWord::kWrite, pc);
}

// Whether the running actor's calls are known, and what it does counts. Demands: hot.epoch is not null.
[[nodiscard, gnu::always_inline]] inline bool is_usual() noexcept {
  return hot.top != nullptr && !inside_shim && (ignored.reads | ignored.writes) == 0;
}

}  // namespace

void any_access_within(std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  const AccessWord access(word);
  constexpr std::uint64_t kHow = AccessWord::kWrite | AccessWord::kAtomic | AccessWord::kFreed;
  any_access(address / kGranuleBytes * kGranuleBytes + access.first_byte(), access.span_bytes(), word & kHow, pc);
}

namespace {
// While the actor holds no lock: ways that are its own are tried first.
[[gnu::noinline]] void renew_own(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                                 std::uintptr_t pc) noexcept {
  if (!renews_own({*hot.thread, cell, word, address, pc})) renew_in_node(cell, address, word, pc);
}
[[gnu::noinline]] void move_on(ShadowCell& cell, std::uintptr_t address, std::uint64_t word,
                               std::uintptr_t pc) noexcept {
  // A call that nobody has asked for its context has made no move.
  const bool may_move_on = hot.top[-1].context != kNoContext;
  if (may_move_on && moves_on({*hot.thread, cell, word, address, pc})) return;
  if ((word & (AccessWord::kWrite | AccessWord::kAtomic)) == 0) return read_in_chain(cell, address, word, pc);
  in_chain(cell, address, word, pc);
}
}  // namespace

// It only chooses, so that none of the ways pays for the registers that another one needs.
void granule_access(ShadowCell& cell, std::uintptr_t address, std::uint64_t word, std::uintptr_t pc) noexcept {
  if (!is_usual()) [[unlikely]]
    return unusual_access(cell, address, word, pc);
  const StateId state = cell.load(std::memory_order_relaxed);
  if (!is_private(state)) return move_on(cell, address, word, pc);
  if (is_wide(state)) return renew_in_block(cell, address, word, pc);
  // What a lock is held for others use as well.
  if (!hot.thread->actor->held.empty()) return renew_in_node(cell, address, word, pc);
  renew_own(cell, address, word, pc);
}

bool is_in_block(std::uintptr_t address) noexcept {
  return hot.epoch != nullptr && address < kWatchedEnd && is_wide(cell_of(address).load(std::memory_order_relaxed));
}

bool enters_usual_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (hot.epoch == nullptr || size - 1 >= kGranuleBytes - address % kGranuleBytes || address >= kWatchedEnd)
    return false;
  if (!is_usual()) return false;
  const std::uint64_t how = AccessWord::kAtomic | AccessWord::kWrite;
  const OneAccess one{*hot.thread, cell_of(address), *hot.epoch | how | bytes_mask(address % kGranuleBytes, size),
                      address, pc};
  const StateId state = one.cell.load(std::memory_order_relaxed);
  if (is_wide(state)) {
    const WideRecords::Renewal renewal = renew_lone(one);
    if (renewal != WideRecords::Renewal::NotUsual) return renewal == WideRecords::Renewal::Done;
    return renews_in_block(one);
  }
  if (is_private(state)) return renews_in_node(one);
  return hot.top[-1].context != kNoContext && moves_on(one);
}

void two_granules_access(ShadowCell& cell, std::uintptr_t address, std::uint64_t how, std::uintptr_t pc) noexcept {
  const std::uint64_t word = *hot.epoch | how | AccessWord::kBytes;
  if (!is_usual()) [[unlikely]]
    return two_unusual(address, word, pc);
  if (hot.top[-1].context != kNoContext && two_move_on(*hot.thread, cell, address, word, pc)) return;
  two_elsewhere(cell, address, word, pc);
}

namespace {

// What two registers hold, or a small object, is two granules.
[[gnu::noinline]] void on_more(std::uintptr_t address, std::size_t size, std::uint64_t how,
                               std::uintptr_t pc) noexcept {
  if (hot.epoch != nullptr && size == std::size_t{2} * kGranuleBytes && address % kGranuleBytes == 0 &&
      address < kWatchedEnd - size && (how & AccessWord::kAtomic) == 0) {
    return two_granules_access(cell_of(address), address, how, pc);
  }
  any_access(address, size, how, pc);
}

// how: AccessWord::kWrite, kAtomic, both or none.
[[gnu::always_inline]] inline void on_access(std::uintptr_t address, std::size_t size, std::uint64_t how,
                                             std::uintptr_t pc) noexcept {
  // Without a view of this thread's there may be no shadow to look into. An access may be of no bytes.
  if (hot.epoch == nullptr || size - 1 >= kGranuleBytes - address % kGranuleBytes || address >= kWatchedEnd)
      [[unlikely]]
    return on_more(address, size, how, pc);
  const std::uint64_t bytes = bytes_mask(address % kGranuleBytes, size);
  ShadowCell& cell = cell_of(address);
  if ((how & AccessWord::kAtomic) == 0) {
    const Use use = (how & AccessWord::kWrite) != 0 ? Use::Write : Use::Read;
    if (is_covered(cell, bytes, use, *hot.epoch)) return;
  }
  granule_access(cell, address, *hot.epoch | how | bytes, pc);
}

}  // namespace

void on_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    on_access(address, size, 0, pc);
}
void on_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    on_access(address, size, AccessWord::kWrite, pc);
}
void on_atomic_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    on_access(address, size, AccessWord::kAtomic, pc);
}
// The general way: what was tried may have left a doubt, which that one settles.
void on_unusual_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    any_access(address, size, AccessWord::kAtomic | AccessWord::kWrite, pc);
}
void on_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    on_access(address, size, AccessWord::kAtomic | AccessWord::kWrite, pc);
}

}  // namespace vigil::shim::race
