#include "interpose/race/usual_access.hpp"

#include "interpose/race/collect.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/narrow_records.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/wide_records.hpp"

namespace vigil::shim::race {
namespace {

// What both begin with.
struct OneAccess {
  EngineThread& thread;
  ShadowCell& cell;
  std::uint64_t word;  // AccessWord
  std::uintptr_t address;
  std::uintptr_t pc;
};

// A visit (E2 of engine_thread.hpp) that makes no states, so that the collector cannot become due.
class Visit {
 public:
  explicit Visit(EngineThread& thread) noexcept : thread_(thread) {
    inside_shim = true;
    thread.begin_visit();
  }
  ~Visit() {
    thread_.end_visit();
    inside_shim = false;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  EngineThread& thread_;
};

// The granule is in a state from which this thread knows the move, as that of the one before it. kTouched: only if
// something is known of the granule; then nothing but this is called, and a sweep over an array needs no stack frame.
enum class Granules : std::uint8_t { Touched, All };
template <Granules kGranules>
[[gnu::always_inline]] inline bool moves_on(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  // Such a move was made in this epoch already: the slot has its owner, the clock knows that it was given out.
  const ContextId context = hot.top[-1].context;
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  const Visit visit(thread);
  StateId from = one.cell.load(std::memory_order_acquire);
  if (kGranules == Granules::Touched && from == kUntouched) return false;
  const Move& move = thread.memos.move_for(from, one.word, one.pc, context);
  if (!move.is_for(from, one.word, one.pc, context, held) || move.to == from) return false;
  if (thread.flushed != collector_round()) return false;
  node_of(move.to).mark_shared();
  if (kGranules == Granules::All && from == kUntouched) note_untouched(one.address);
  const StateId to = move.to;
  if (!one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) return false;
  thread.remember_covered(one.word & AccessWord::kEpoch, to, move.open_to_reads, move.open_to_writes);
  return true;
}

// The granule has its records to itself, and takes one more.
[[gnu::always_inline]] inline bool renews(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  ActorClock& clock = thread.actor->clocks.whole;
  if (thread.part->named != word.at().slot()) return false;
  const Visit visit(thread);
  const ContextId context = context_here(thread);
  const EngineThread::KnownPlace& known = thread.memos.place_for(one.pc, context);
  if (known.pc != one.pc || known.context != context || known.held != held_set(thread)) return false;
  // It may be one of a sweep, which gives granules their shared states back.
  EngineThread::LastWrite& last = thread.last_write;
  const std::uint64_t all = word.with_bytes(AccessWord::kBytes).bits();
  if (last.word == all && last.pc == one.pc && last.context == context) return false;

  const StateId id = one.cell.load(std::memory_order_acquire);
  if (!is_private(id)) return false;
  AccessNode& node = node_of(without_bits(id));
  const AccessRecord access{word, known.place, false};
  const auto ordered = [&](Epoch epoch) noexcept { return is_ordered(thread, clock, epoch); };
  clock.now_in_shadow();
  Covered covered;
  if (is_wide(id)) {
    const WideRecords::Renewal renewal = node.wide->renew_alone(word, known.place);
    if (renewal == WideRecords::Renewal::Done) {
      note_covered(covered, word);
    } else if (step_private(one.cell, id, access, KnowsRef(ordered), covered) != PrivateStep::Done) {
      // The granule still had this state, with the lock held, if the step was done: then nobody took the epoch along.
      thread.in_doubt = renewal == WideRecords::Renewal::TakenBack;
      return false;
    }
  } else {
    const auto locked = lock_of(node);
    if (one.cell.load(std::memory_order_relaxed) != id) return false;
    NarrowRecords records = records_of(node);
    const StepResult result = are_own(records.first, records.second, word)
                                  ? step_own(records, access, covered)
                                  : Step2(access, ordered).run(records, covered);
    if (result == StepResult::Races || result == StepResult::Full) return false;
    if (result == StepResult::Changed) put(node, records);
  }
  const bool is_plain_write = word.is_write() && !word.is_atomic();
  if (is_plain_write && (word.bytes() & AccessWord::kLastByte) != 0) last = {all, one.pc, context};
  thread.remember_covered(word.at().bits(), id, static_cast<std::uint8_t>(~covered.reads),
                          static_cast<std::uint8_t>(~covered.writes));
  return true;
}

// Nothing is known of the granule, or a write of this actor in an earlier epoch, which stays beside what it reads now:
// the chain gets one more record, as add_access() (transition.hpp) would have it. Not where the granule had better get
// a private state.
[[gnu::always_inline]] inline bool puts_on(const OneAccess& one) noexcept {
  EngineThread& thread = one.thread;
  const AccessWord word(one.word);
  constexpr std::uint64_t kAlike = ~std::uint64_t{0} << (kTimeBits + kSpareBits) | AccessWord::kAtomic |
                                   AccessWord::kFreed;  // the actor, and a plain access
  StateId from = one.cell.load(std::memory_order_acquire);
  if (is_private(from)) return false;
  if (from != kUntouched) {
    const AccessNode& node = node_of(from);
    const AccessWord old(node.word.load(std::memory_order_relaxed));
    if (word.is_write() || !old.is_write() || ((old.bits() ^ word.bits()) & kAlike) != 0) return false;
    if (old.same_epoch(word) || node.older != kUntouched || !node.is_shared() || node.is_raced()) return false;
  }
  thread.actor->clocks.whole.now_in_shadow();
  const ContextId context = context_here(thread);
  const StateId to = push_record(thread.states, {word, place_at(thread, one.pc, context), false}, from);
  if (to == kUntouched) return false;
  if (from == kUntouched) note_untouched(one.address);
  const StateId before = from;
  if (!one.cell.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    thread.states.give(to);
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

}  // namespace

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

[[nodiscard, gnu::always_inline]] inline bool is_one_granule(std::uintptr_t address, std::size_t size) noexcept {
  return size <= kGranuleBytes - address % kGranuleBytes && address < kWatchedEnd;
}
// Without a view of this thread's there may be no shadow to look into.
[[nodiscard, gnu::always_inline]] inline bool sees(const EngineThread* thread) noexcept {
  return thread != nullptr && hot.epoch != nullptr && hot.top != nullptr && !inside_shim;
}
[[nodiscard, gnu::always_inline]] inline OneAccess access_to(EngineThread& thread, std::uintptr_t address,
                                                             std::size_t size, std::uint64_t how,
                                                             std::uintptr_t pc) noexcept {
  const std::uint64_t bytes = ((std::uint64_t{1} << size) - 1) << address % kGranuleBytes;
  return {thread, cell_of(address), *hot.epoch | how | bytes, address, pc};
}

// Demands of the next four: sees() and is_one_granule().
[[gnu::noinline]] bool begins_chain(const OneAccess& one) noexcept {
  const AccessWord word(one.word);
  if (word.is_atomic() || word.at() == Epoch() || one.thread.part->named != word.at().slot()) return false;
  if (enter() == nullptr) return false;
  const bool done = puts_on(one);
  leave(one.thread);
  return done;
}
[[nodiscard, gnu::always_inline]] inline bool changes_chain(const OneAccess& one) noexcept {
  return moves_on<Granules::All>(one) || begins_chain(one);
}
[[gnu::noinline]] void in_chain(std::uintptr_t address, std::size_t size, std::uint64_t how,
                                std::uintptr_t pc) noexcept {
  if (!changes_chain(access_to(*hot.thread, address, size, how, pc))) any_access(address, size, how, pc);
}
[[gnu::noinline]] void in_private(std::uintptr_t address, std::size_t size, std::uint64_t how,
                                  std::uintptr_t pc) noexcept {
  if (!renews(access_to(*hot.thread, address, size, how, pc))) any_access(address, size, how, pc);
}

// What two registers hold is two granules, which are often fresh.
[[gnu::noinline]] void on_more(std::uintptr_t address, std::size_t size, std::uint64_t how,
                               std::uintptr_t pc) noexcept {
  if (size == std::size_t{2} * kGranuleBytes && sees(hot.thread) && address % kGranuleBytes == 0 &&
      address < kWatchedEnd - size) {
    for (; size != 0; address += kGranuleBytes, size -= kGranuleBytes) {
      const OneAccess one = access_to(*hot.thread, address, kGranuleBytes, how, pc);
      if (is_private(one.cell.load(std::memory_order_relaxed)) || !changes_chain(one)) break;
    }
  }
  if (size != 0) any_access(address, size, how, pc);
}

// A plain access. kHow: AccessWord::kWrite or none.
template <std::uint64_t kHow>
[[gnu::always_inline]] inline void on_plain(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  EngineThread* const thread = hot.thread;
  if (!sees(thread) || !is_one_granule(address, size)) [[unlikely]]
    return on_more(address, size, kHow, pc);
  const OneAccess one = access_to(*thread, address, size, kHow, pc);
  if (is_private(one.cell.load(std::memory_order_relaxed))) return in_private(address, size, kHow, pc);
  if (!moves_on<Granules::Touched>(one)) in_chain(address, size, kHow, pc);
}

void on_atomic(std::uintptr_t address, std::size_t size, std::uint64_t how, std::uintptr_t pc) noexcept {
  if (!sees(hot.thread) || !is_one_granule(address, size)) [[unlikely]]
    return any_access(address, size, how, pc);
  if (is_private(cell_of(address).load(std::memory_order_relaxed))) return in_private(address, size, how, pc);
  in_chain(address, size, how, pc);
}

}  // namespace

void on_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    on_plain<0>(address, size, pc);
}
void on_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    on_plain<AccessWord::kWrite>(address, size, pc);
}
void on_atomic_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    on_atomic(address, size, AccessWord::kAtomic, pc);
}
void on_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    on_atomic(address, size, AccessWord::kAtomic | AccessWord::kWrite, pc);
}

}  // namespace vigil::shim::race
