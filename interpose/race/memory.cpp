#include "interpose/race/memory.hpp"

#include <algorithm>

#include "interpose/lifecycle.hpp"
#include "interpose/race/context_tree.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/lock_sets.hpp"
#include "interpose/race/race_report.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/slot_owners.hpp"
#include "interpose/race/transition.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::race {
namespace {

// One access of one actor while it is being entered, granule by granule.
class Entering {
 public:
  Entering(EngineThread& thread, std::uint64_t how, std::uintptr_t pc) noexcept
      : thread_(thread), how_(how), pc_(pc), clock_(thread.actor->clocks.whole), context_(context_here(thread)) {
    if (!clock_.started()) return;
    at_ = now_in_shadow(clock_);
    if (thread.part->named != at_.slot()) {
      thread.part->named = at_.slot();
      own_slot(at_, key_of(*thread.actor));
    }
  }
  [[nodiscard]] bool possible() const noexcept { return at_ != Epoch(); }

  void granule(std::uintptr_t address, std::uint64_t bytes) noexcept;
  [[nodiscard]] PlaceId place() noexcept {
    if (place_ == PlaceId{0}) place_ = place_of(context_, pc_, lock_set_of(thread_.actor->held));
    return place_;
  }
  [[nodiscard]] Epoch at() const noexcept { return at_; }

 private:
  [[nodiscard]] Move& move_for(StateId from, AccessWord word) noexcept {
    std::uint64_t hash = (static_cast<std::uint64_t>(from) << 8U ^ word.bits() ^ pc_ << 3U) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
    return thread_.moves[hash % EngineThread::kMoves];
  }
  [[nodiscard]] bool is_for(const Move& move, StateId from, AccessWord word) const noexcept {
    return move.from == from && move.word == word.bits() && move.pc == pc_ && move.context == context_ &&
           move.held == held_count();
  }
  [[nodiscard]] std::uint16_t held_count() const noexcept {
    return static_cast<std::uint16_t>(thread_.actor->held.count());
  }
  [[nodiscard]] bool is_ordered(Epoch epoch) noexcept;
  void remember_covered(StateId state, std::uint16_t covered) noexcept {
    CoveredEntry& entry = thread_.covered[static_cast<std::uint32_t>(state) % kCoveredEntries];
    entry.epoch = at_.bits();
    entry.state.store(static_cast<std::uint64_t>(state) << 32U | covered, std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_covered(StateId state, AccessWord word) const noexcept {
    if (word.is_atomic() || word.is_free()) return false;
    const CoveredEntry& entry = thread_.covered[static_cast<std::uint32_t>(state) % kCoveredEntries];
    return entry.covers(at_.bits(), state, word.is_write(), word.bytes());
  }
  [[nodiscard]] std::uint16_t covered_of(StateId state) const noexcept {
    const Covered covered = covered_at(state, at_);
    return static_cast<std::uint16_t>(covered.reads << CoveredEntry::kReads | covered.writes << CoveredEntry::kWrites);
  }

  EngineThread& thread_;
  const std::uint64_t how_;
  const std::uintptr_t pc_;
  ActorClock& clock_;
  const ContextId context_;
  Epoch at_;
  PlaceId place_{0};
};

bool Entering::is_ordered(Epoch epoch) noexcept {
  if (epoch.slot() == at_.slot()) return epoch.time() <= at_.time();
  EngineThread::KnownOrder& known = thread_.ordered[static_cast<std::uint32_t>(epoch.slot()) % EngineThread::kOrdered];
  if (known.self == at_.bits() && known.other == epoch.slot() && epoch.time() <= known.until) return true;
  if (!happened_before(epoch, clock_)) return false;
  known = {at_.bits(), epoch.slot(), epoch.time()};
  return true;
}

void Entering::granule(std::uintptr_t address, std::uint64_t bytes) noexcept {
  ShadowCell& cell = cell_of(address);
  const AccessWord word(at_, how_ | bytes);
  if (is_covered(cell.load(std::memory_order_relaxed), word)) return;
  for (;;) {
    // acquire: pairs with the release of the exchange below; the state's records are whole.
    StateId from = cell.load(std::memory_order_acquire);
    Move& move = move_for(from, word);
    if (from != kUntouched || move.to != kUntouched) {
      if (is_for(move, from, word)) {
        note_touched(address);
        if (move.to != from &&
            !cell.compare_exchange_strong(from, move.to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
          continue;
        }
        remember_covered(move.to, move.covered);
        return;
      }
    }
    Clashes clashes;
    const auto ordered = [this](Epoch epoch) noexcept { return is_ordered(epoch); };
    const AccessRecord record{word, place(), false};
    const Step step = add_access(thread_.states, from, record, KnowsRef(ordered), clashes);
    if (step.fresh != 0) {
      note_touched(address);
      const StateId before = from;
      if (!cell.compare_exchange_strong(from, step.to, std::memory_order_acq_rel, std::memory_order_relaxed)) {
        undo(thread_.states, step);
        continue;
      }
      from = before;
    }
    if (clashes.any()) {
      thread_.found.add(address, record, clashes);
      return;  // such a step is not repeated blindly: every granule's race is told
    }
    const std::uint16_t covered = covered_of(step.to);
    move = {word.bits(), pc_, from, step.to, context_, held_count(), covered};
    remember_covered(step.to, covered);
    return;
  }
}

constexpr std::uint64_t bytes_mask(std::size_t first, std::size_t count) noexcept {
  return ((std::uint64_t{1} << count) - 1) << first & AccessWord::kBytes;
}

// Between an enter() and a leave() lie at most so many granules: the collector waits for them.
constexpr std::size_t kGranulesAtOnce = 1U << 14U;

void access(std::uintptr_t address, std::size_t size, std::uint64_t how, std::uintptr_t pc) noexcept {
  if (address >= kWatchedEnd || size > kWatchedEnd - address) return;
  const std::uintptr_t end = address + size;
  while (address < end) {
    EngineThread* const thread = enter();
    if (thread == nullptr) return;
    Entering entering(*thread, how, pc);
    if (!entering.possible()) return leave(*thread);
    for (std::size_t count = 0; address < end && count < kGranulesAtOnce; ++count) {
      const std::size_t first = address % kGranuleBytes;
      const std::size_t some = std::min<std::size_t>(kGranuleBytes - first, end - address);
      entering.granule(address, bytes_mask(first, some));
      address += some;
    }
    if (!thread->found.any()) [[likely]] {
      leave(*thread);
      continue;
    }
    const FoundRaces found = thread->found;
    thread->found.clear();
    Actor& actor = *thread->actor;
    leave(*thread);
    report_races(found, actor);
  }
}

// Part of a granule is forgotten.
void forget_bytes(std::uintptr_t address, std::uint64_t bytes) noexcept {
  EngineThread* const thread = enter();
  if (thread == nullptr) return;
  ShadowCell& cell = cell_of(address);
  StateId from = cell.load(std::memory_order_acquire);
  while (from != kUntouched) {
    const Step step = erase_bytes(thread->states, from, bytes);
    if (cell.compare_exchange_strong(from, step.to, std::memory_order_acq_rel, std::memory_order_acquire)) break;
    undo(thread->states, step);
  }
  leave(*thread);
}

}  // namespace

thread_local constinit Ignored ignored __attribute__((tls_model("initial-exec")));

void on_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    access(address, size, 0, pc);
}
void on_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    access(address, size, AccessWord::kWrite, pc);
}
void on_atomic_read(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.reads == 0) [[likely]]
    access(address, size, AccessWord::kAtomic, pc);
}
void on_atomic_write(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  if (ignored.writes == 0) [[likely]]
    access(address, size, AccessWord::kAtomic | AccessWord::kWrite, pc);
}
void freed(std::uintptr_t address, std::size_t size, std::uintptr_t pc) noexcept {
  access(address, size, AccessWord::kWrite | AccessWord::kFreed, pc);
}

void forget(std::uintptr_t address, std::size_t size) noexcept {
  if (!engine_is_native() || address >= kWatchedEnd || size > kWatchedEnd - address) return;
  std::uintptr_t end = address + size;
  const std::size_t first = address % kGranuleBytes;
  if (first != 0) {
    const std::size_t some = std::min<std::size_t>(kGranuleBytes - first, size);
    forget_bytes(address, bytes_mask(first, some));
    address += some;
  }
  const std::size_t last = end % kGranuleBytes;
  if (address < end && last != 0) {
    end -= last;
    forget_bytes(end, bytes_mask(0, last));
  }
  if (address < end) clear_shadow(address, end - address);
}

PlaceId place_here(std::uintptr_t pc) noexcept {
  EngineThread* const thread = enter();
  if (thread == nullptr) return PlaceId{0};
  const PlaceId place = place_of(context_here(*thread), pc, LockSetId{0});
  leave(*thread);
  return place;
}

}  // namespace vigil::shim::race
