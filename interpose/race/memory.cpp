#include "interpose/race/memory.hpp"

#include <algorithm>

#include "interpose/lifecycle.hpp"
#include "interpose/race/chain_compaction.hpp"
#include "interpose/race/collect.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/granule_part.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/narrow_records.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/transition.hpp"
#include "interpose/race/usual_access.hpp"
#include "interpose/race/usual_free.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::race {
namespace {

// One access of one actor while it is being entered, granule by granule.
class Entering {
 public:
  Entering(EngineThread& thread, std::uint64_t how, std::uintptr_t pc, ContextId context) noexcept
      : thread_(thread), how_(how), pc_(pc), clock_(thread.actor->clocks.whole), context_(context) {
    if (!clock_.started()) return;
    at_ = clock_.now_in_shadow();
    name_slot(thread, at_);
  }
  [[nodiscard]] bool possible() const noexcept { return at_ != Epoch(); }

  // All bytes of it are entered.
  void all(std::uintptr_t address, std::uintptr_t end) noexcept;
  void granule(std::uintptr_t address, std::uint64_t bytes) noexcept;
  std::uintptr_t run(std::uintptr_t address, std::uintptr_t end) noexcept;
  [[nodiscard]] bool run_two(std::uintptr_t address) noexcept;
  void settle_doubt(std::uintptr_t address, ShadowCell& cell, AccessWord word) noexcept;
  [[nodiscard]] PlaceId place() noexcept {
    if (place_ != PlaceId{0}) return place_;
    return place_ = place_at(thread_, pc_, context_);
  }
  // Whether place() need not be looked for.
  [[nodiscard]] bool knows_place() const noexcept {
    const EngineThread::KnownPlace& known = thread_.memos.place_for(pc_, context_);
    return known.is_for(pc_, context_);
  }
  [[nodiscard]] Epoch at() const noexcept { return at_; }

 private:
  bool in_private(ShadowCell& cell, StateId from, AccessWord word) noexcept;
  bool free_private(ShadowCell& cell, StateId from, AccessWord word) noexcept;
  bool settle_private(ShadowCell& cell, StateId from, AccessWord word) noexcept;
  static bool is_plain_write(AccessWord word) noexcept { return word.is_write() && !word.is_atomic(); }
  // Was a granule before this one written to its end, in the same epoch and from the same place?
  [[nodiscard]] bool is_sweep(AccessWord word) const noexcept {
    const EngineThread::LastWrite& last = thread_.last_write;
    return last.word == word.with_bytes(AccessWord::kBytes).bits() && last.pc == pc_ && last.context == context_;
  }
  bool in_chain(std::uintptr_t address, ShadowCell& cell, StateId from, AccessWord word) noexcept;
  void begin_run(StateId from, StateId to, AccessWord word) noexcept;
  [[nodiscard]] bool leaves_nothing_of(StateId from, AccessWord word) noexcept;
  [[nodiscard]] bool frees_all_of(StateId chain, AccessWord word) noexcept;
  StateId alone(AccessWord word) noexcept;
  [[nodiscard]] std::uint16_t held_count() const noexcept {
    return static_cast<std::uint16_t>(thread_.actor->held.count());
  }
  [[nodiscard]] bool is_ordered(Epoch epoch) noexcept;
  void remember_covered(StateId state, Covered covered) noexcept {
    thread_.remember_covered(at_.bits(), state, static_cast<std::uint8_t>(~covered.reads),
                             static_cast<std::uint8_t>(~covered.writes));
  }
  static Covered covered_by(AccessWord word) noexcept {
    if (word.is_atomic() || word.is_free()) return {};
    return {word.bytes(), word.is_write() ? word.bytes() : 0};
  }
  [[nodiscard]] bool is_covered(StateId state, AccessWord word) const noexcept {
    if (word.is_atomic() || word.is_free()) return false;
    const CoveredEntry& entry = thread_.covered_entry(state);
    return entry.is_of(state) && entry.covers(at_.bits(), word.is_write(), word.bytes());
  }

  EngineThread& thread_;
  const std::uint64_t how_;
  const std::uintptr_t pc_;
  ActorClock& clock_;
  const ContextId context_;
  Epoch at_;
  PlaceId place_{0};
  // A whole granule in the one state came to the other by this access, without a race; kNoRun: none yet.
  static constexpr StateId kNoRun = CoveredEntry::kNobody;
  StateId run_from_ = kNoRun;
  StateId run_to_ = kNoRun;
  StateId alone_ = kUntouched;   // alone(), for a whole granule; kUntouched: not asked yet
  std::uintptr_t moved_ = 0;     // of the piece that is being entered (stack_places.hpp)
  bool leaves_private_ = false;  // the granule at hand had a private state, which this access did not fit into
};

bool Entering::is_ordered(Epoch epoch) noexcept {
  if (epoch.slot() == at_.slot()) return epoch.time() <= at_.time();
  return race::is_ordered(thread_, clock_, epoch);
}

void Entering::granule(std::uintptr_t address, std::uint64_t bytes) noexcept {
  ShadowCell& cell = cell_in(address + moved_);
  const AccessWord word(at_, how_ | bytes);
  for (;;) {
    // acquire: pairs with the release of the exchanges below; the state's records are whole.
    const StateId from = cell.load(std::memory_order_acquire);
    if (is_covered(from, word)) break;
    if (is_private(from) ? in_private(cell, from, word) : in_chain(address, cell, from, word)) break;
  }
  if (thread_.in_doubt) [[unlikely]]
    settle_doubt(address, cell, word);
}

// Of an access to many granules most are in one state, and go to one: nothing but that is left to do. From `address`
// on, where a granule begins; returns where it is so no longer.
inline std::uintptr_t Entering::run(std::uintptr_t address, std::uintptr_t end) noexcept {
  constexpr std::uintptr_t kTwo = std::uintptr_t{2} * kGranuleBytes;
  if (run_from_ == kNoRun) return address;
  while (end - address >= kGranuleBytes) {
    if (end - address >= kTwo && run_two(address)) {
      address += kTwo;
      continue;
    }
    ShadowCell& cell = cell_at(address + moved_);
    StateId state = cell.load(std::memory_order_acquire);
    if (state != run_to_) {  // else the access stands there already
      if (state != run_from_) break;
      node_of(run_to_).mark_shared();
      if (state == kUntouched) note_untouched(address);
      if (!cell.compare_exchange_strong(state, run_to_, std::memory_order_acq_rel, std::memory_order_relaxed)) break;
    }
    address += kGranuleBytes;
  }
  return address;
}
// Two of them at once, if their cells lie in one word: half as many exchanges. (Of x86-64 a word changes as a whole for
// those, too, who look at half of it.)
[[gnu::always_inline]] inline bool Entering::run_two(std::uintptr_t address) noexcept {
  auto* const both = reinterpret_cast<std::atomic<std::uint64_t>*>(&cell_at(address + moved_));
  if (reinterpret_cast<std::uintptr_t>(both) % sizeof(*both) != 0) return false;
  constexpr std::uint64_t kTwice = (std::uint64_t{1} << 32U) + 1;
  std::uint64_t expected = static_cast<std::uint64_t>(run_from_) * kTwice;
  if (both->load(std::memory_order_relaxed) != expected) return false;
  node_of(run_to_).mark_shared();
  if (run_from_ == kUntouched) note_untouched(address);  // both lie in one chunk
  return both->compare_exchange_strong(expected, static_cast<std::uint64_t>(run_to_) * kTwice,
                                       std::memory_order_acq_rel, std::memory_order_relaxed);
}
inline void Entering::begin_run(StateId from, StateId to, AccessWord word) noexcept {
  if (word.bytes() != AccessWord::kBytes || from == to) return;
  run_from_ = from;
  run_to_ = to;
}

// Whatever the state says of this epoch, its access may not have been compared with what others did: it is now.
[[gnu::noinline]] void Entering::settle_doubt(std::uintptr_t address, ShadowCell& cell, AccessWord word) noexcept {
  thread_.in_doubt = false;
  if (thread_.found.any()) return;  // it was
  const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
  const AccessRecord record{word, place(), false};
  Clashes clashes;
  for (;;) {
    const StateId state = cell.load(std::memory_order_acquire);
    if (!is_private(state)) {
      find_clashes(state, word, KnowsRef(ordered), clashes);
      break;
    }
    if (find_private_clashes(cell, state, word, KnowsRef(ordered), clashes)) break;
  }
  if (clashes.any()) thread_.found.add(address, record, clashes);
}

// A private state needs no step: it is the free's alone, ...
[[gnu::noinline]] bool Entering::free_private(ShadowCell& cell, StateId from, AccessWord word) noexcept {
  const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
  const StateId to = alone(word);
  return (to != kUntouched && share(cell, from, {word, place(), false}, KnowsRef(ordered), to)) ||
         !make_chain(thread_.states, cell, from);
}

// ... or the access is covered, which is asked before anybody looks for its place; or the granule becomes one of a
// sweep.
[[gnu::noinline]] bool Entering::settle_private(ShadowCell& cell, StateId from, AccessWord word) noexcept {
  const PrivateView view = look_at_private(from, word);
  if (view.is_covered) {
    thread_.note_covered_missed();
    remember_covered(from, view.covered);
    return true;
  }
  if (!view.is_alone || !is_sweep(word)) return false;
  const StateId to = alone(word.with_bytes(AccessWord::kBytes));
  if (to == kUntouched) return false;
  node_of(to).mark_shared();
  const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
  if (!share(cell, from, {word, place(), false}, KnowsRef(ordered), to)) return false;
  remember_covered(to, {AccessWord::kBytes, AccessWord::kBytes});
  return true;
}

// False: the granule has another state now; look again.
bool Entering::in_private(ShadowCell& cell, StateId from, AccessWord word) noexcept {
  if (word.is_free()) [[unlikely]]
    return free_private(cell, from, word);
  if (is_sweep(word) || !knows_place()) [[unlikely]] {
    if (settle_private(cell, from, word)) return true;
  }
  const AccessRecord record{word, place(), false};
  const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
  Covered covered;
  switch (step_private(cell, from, record, KnowsRef(ordered), covered)) {
    case PrivateStep::Done:
      if (is_plain_write(word) && (word.bytes() & AccessWord::kLastByte) != 0) {
        thread_.last_write = {word.with_bytes(AccessWord::kBytes).bits(), pc_, context_};
      }
      remember_covered(from, covered);
      return true;
    case PrivateStep::Gone:
      return false;
    case PrivateStep::Full:
      if (widen(thread_.states, cell, from)) return false;
      break;
    case PrivateStep::Races:
      break;
  }
  leaves_private_ = true;
  return !make_chain(thread_.states, cell, from);
}

// Whether this access supersedes all that state says: of what is freed it usually does. (Of what is accessed, only what
// lies in this epoch, or what several granules share: one of an earlier epoch is otherwise the beginning of a private
// state.)
bool Entering::leaves_nothing_of(StateId from, AccessWord word) noexcept {
  if (from == kUntouched) return true;
  if (word.is_free()) return frees_all_of(from, word);
  const AccessNode& node = node_of(from);
  if (node.older != kUntouched || node.is_raced()) return false;
  const AccessWord old(node.word.load(std::memory_order_relaxed));
  if (old.is_free() || !word.as_strong_as(old)) return false;
  if (!old.same_epoch(word)) {
    return word.is_write() && (old.bytes() & ~word.bytes()) == 0 && node.is_shared() && is_ordered(old.at());
  }
  return (old.bytes() & ~word.bytes()) == 0 && (!old.as_strong_as(word) || old.bytes() != word.bytes());
}

bool Entering::frees_all_of(StateId chain, AccessWord word) noexcept {
  constexpr std::uint32_t kDeepest = 8;  // of usual ones
  if (node_of(chain).chain.depth > kDeepest) return false;
  for (StateId id = chain; id != kUntouched;) {
    const AccessNode& node = node_of(id);
    const AccessWord old(node.word.load(std::memory_order_relaxed));
    if (old.is_free() || node.is_raced() || (old.bytes() & ~word.bytes()) != 0) return false;
    if (old.at().slot() != at_.slot() && !race::is_ordered(thread_, clock_, old.at())) return false;
    id = node.older;
  }
  return true;
}

// The state of a granule of which only this access is known: one for all the granules it comes to. kUntouched: there is
// no room for it.
StateId Entering::alone(AccessWord word) noexcept {
  const bool is_whole = word.bytes() == AccessWord::kBytes;
  if (is_whole && alone_ != kUntouched) {
    node_of(alone_).mark_shared();
    return alone_;
  }
  Move& move = thread_.memos.move_for(kUntouched, word.bits(), pc_, context_);
  if (move.is_for(kUntouched, word.bits(), pc_, context_, held_count())) {
    node_of(move.to).mark_shared();
    if (is_whole) alone_ = move.to;
    return move.to;
  }
  const StateId id = push_record(thread_.states, {word, place(), false}, kUntouched);
  if (id == kUntouched) return id;
  if (word.is_free()) node_of(id).make_shared();  // most blocks have several granules
  const Covered covered = covered_by(word);
  move = {word.bits(),
          pc_,
          kUntouched,
          id,
          context_,
          held_count(),
          static_cast<std::uint8_t>(~covered.reads),
          static_cast<std::uint8_t>(~covered.writes)};
  thread_.note_filled();
  if (is_whole) alone_ = id;
  return id;
}

[[gnu::noinline]] bool Entering::in_chain(std::uintptr_t address, ShadowCell& cell, StateId from,
                                          AccessWord word) noexcept {
  const auto change_cell = [&](StateId to) noexcept {
    StateId expected = from;
    return cell.compare_exchange_strong(expected, to, std::memory_order_acq_rel, std::memory_order_relaxed);
  };
  if (leaves_nothing_of(from, word)) {
    if (const StateId to = alone(word); to != kUntouched) {
      if (from == kUntouched) note_untouched(address);
      if (!change_cell(to)) return false;
      begin_run(from, to, word);
      remember_covered(to, covered_by(word));
      return true;
    }
  }
  Move& move = thread_.memos.move_for(from, word.bits(), pc_, context_);
  if (move.is_for(from, word.bits(), pc_, context_, held_count())) {
    if (move.to != from) {
      node_of(move.to).mark_shared();
      if (!change_cell(move.to)) return false;
      begin_run(from, move.to, word);
    }
    thread_.remember_covered(at_.bits(), move.to, move.open_to_reads, move.open_to_writes);
    return true;
  }
  if (!word.is_free()) {
    const Covered covered = covered_on_top(from, at_);  // before anybody asks for the place
    if (((word.is_write() ? covered.writes : covered.reads) & word.bytes()) == word.bytes()) {
      thread_.note_covered_missed();
      remember_covered(from, covered);
      return true;
    }
  }
  const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
  const AccessRecord record{word, place(), false};
  if (!word.is_free() && !leaves_private_ && wants_private(from)) {
    Covered covered;
    const StateId own = make_private(thread_.states, from, record, KnowsRef(ordered), covered);
    if (own != kUntouched) {
      if (change_cell(own)) {
        remember_covered(own, covered);
        return true;
      }
      thread_.states.give(without_bits(own));
      return false;
    }
  }
  leaves_private_ = false;
  Clashes clashes;
  Step step = add_access(thread_.states, from, record, KnowsRef(ordered), clashes);
  if (step.fresh != 0) {
    if (from == kUntouched) note_untouched(address);
    if (!change_cell(step.to)) {
      undo(thread_.states, step);
      return false;
    }
    if (wants_compaction(step.to)) [[unlikely]]
      step.to = compact(thread_.states, cell, step.to, word, KnowsRef(ordered));
  }
  if (clashes.any()) {
    thread_.found.add(address, record, clashes);
    return true;  // such a step is not repeated blindly: every granule's race is told
  }
  const Covered covered = covered_at(step.to, at_);
  move = {word.bits(),
          pc_,
          from,
          step.to,
          context_,
          held_count(),
          static_cast<std::uint8_t>(~covered.reads),
          static_cast<std::uint8_t>(~covered.writes)};
  thread_.note_filled();
  remember_covered(step.to, covered);
  return true;
}

[[gnu::always_inline]] inline void Entering::all(std::uintptr_t address, std::uintptr_t end) noexcept {
  while (address < end) {
    const Piece piece = piece_at(address, end);
    moved_ = piece.moved;
    while (address < piece.end) {
      const GranulePart part = first_granule(address, piece.end);
      granule(address, part.mask);
      address = run(address + part.bytes, piece.end);
    }
  }
}

}  // namespace

[[gnu::noinline]] void leave_and_report(EngineThread& thread) noexcept {
  const FoundRaces found = thread.found;
  thread.found.clear();
  Actor& actor = *thread.actor;
  leave_variable(thread);
  report_races(found, actor);
}

void enter_stretch(EngineThread& thread, std::uintptr_t address, std::uintptr_t end, std::uint64_t how,
                   ContextId context) noexcept {
  Entering entering(thread, how, 0, context);
  if (entering.possible()) entering.all(address, end);
}

void any_access(std::uintptr_t address, std::size_t size, std::uint64_t how, std::uintptr_t pc) noexcept {
  if (address >= kWatchedEnd || size > kWatchedEnd - address) return;
  const std::uintptr_t end = address + size;
  while (address < end) {
    EngineThread* const thread = enter();
    if (thread == nullptr) return;
    Entering entering(*thread, how, pc, context_here(*thread));
    if (!entering.possible()) return leave(*thread);
    const std::uintptr_t stop = std::min(end, (address / kGranuleBytes + kGranulesAtOnce) * kGranuleBytes);
    entering.all(address, stop);
    address = stop;
    if (!thread->found.any()) [[likely]] {
      leave(*thread);
    } else {
      leave_and_report(*thread);
    }
  }
}

thread_local constinit Ignored ignored __attribute__((tls_model("initial-exec")));

void freed(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  constexpr std::uint64_t kHow = AccessWord::kWrite | AccessWord::kFreed;
  if (address >= kWatchedEnd || size > kWatchedEnd - address) return;
  std::uintptr_t at = address;
  if (at % kGranuleBytes == 0 && size <= kGranulesAtOnce * kGranuleBytes) {
    EngineThread* const thread = enter();
    if (thread == nullptr) return;
    at = free_usual(*thread, at, address + size, pc);
    leave(*thread);
  }
  if (at != address + size) any_access(at, address + size - at, kHow, pc);
}

PlaceId place_here(std::uintptr_t pc) noexcept {
  EngineThread* const thread = enter();
  if (thread == nullptr) return PlaceId{0};
  const ContextId context = context_here(*thread);
  EngineThread::KnownPlace& known = thread->memos.place_for(pc, context);
  constexpr LockSetId kNoLocks{0};
  const PlaceId place =
      known.is_for(pc, context, kNoLocks) ? known.place() : place_anew(*thread, known, pc, context, kNoLocks);
  leave(*thread);
  return place;
}

}  // namespace vigil::shim::race
