#include "interpose/race/usual_free.hpp"

#include <atomic>
#include <cstddef>

#include "interpose/race/access_states.hpp"
#include "interpose/race/lookups.hpp"
#include "interpose/race/narrow_records.hpp"
#include "interpose/race/one_access.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/usual_access.hpp"

namespace vigil::shim::race {
namespace {

class Freeing {
 public:
  // to: the state of what this free alone is known of.
  Freeing(EngineThread& thread, AccessWord word, StateId to) noexcept
      : thread_(thread), at_(word.at().bits()), to_(to) {}

  std::uintptr_t run(std::uintptr_t address, std::uintptr_t end) noexcept {
    for (; end - address >= kGranuleBytes; address += kGranuleBytes) {
      ShadowCell& cell = cell_at(address);
      if (end - address >= 2 * std::uintptr_t{kGranuleBytes} && goes_with_next(address)) {
        address += kGranuleBytes;
      } else if (!goes(cell, address)) {
        break;
      }
    }
    return address;
  }

 private:
  bool goes(ShadowCell& cell, std::uintptr_t address) noexcept {
    // acquire, here and below: pairs with the release of who put it there; the state's records are whole.
    StateId from = cell.load(std::memory_order_acquire);
    if (is_private(from)) return !is_wide(from) && supersedes_narrow(cell, from);
    if (!supersedes(from, address)) return false;
    return cell.compare_exchange_strong(from, to_, std::memory_order_acq_rel, std::memory_order_relaxed);
  }
  // Two of them at once, if their cells lie in one word. (Of x86-64 a word changes as a whole for those, too, who look
  // at half of it.)
  bool goes_with_next(std::uintptr_t address) noexcept {
    auto* const both = reinterpret_cast<std::atomic<std::uint64_t>*>(&cell_at(address));
    if (reinterpret_cast<std::uintptr_t>(both) % sizeof(*both) != 0) return false;
    std::uint64_t before = both->load(std::memory_order_acquire);
    const StateId first{static_cast<std::uint32_t>(before)};
    const StateId second{static_cast<std::uint32_t>(before >> 32U)};
    if (is_private(first) || is_private(second)) return false;
    if (!supersedes(first, address) || !supersedes(second, address)) return false;  // both lie in one chunk
    constexpr std::uint64_t kTwice = (std::uint64_t{1} << 32U) + 1;
    return both->compare_exchange_strong(before, static_cast<std::uint64_t>(to_) * kTwice, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }
  // Of a state that is not private.
  [[gnu::always_inline]] bool supersedes(StateId state, std::uintptr_t address) noexcept {
    if (state == kUntouched) {
      if (!is_noted(address)) note_untouched(address);
      return true;
    }
    if (state == superseded_) return true;
    if (!supersedes_all(state)) return false;
    superseded_ = state;
    return true;
  }
  [[gnu::always_inline]] bool supersedes_all(StateId chain) noexcept {
    std::uint32_t left = kDeepest;
    for (StateId id = chain; id != kUntouched; --left) {
      const AccessNode& node = node_of(id);
      const AccessWord old(node.word.load(std::memory_order_relaxed));
      if (left == 0 || old.is_free() || node.is_raced() || !is_before(old)) return false;
      id = node.older;
    }
    return true;
  }
  // A free is as strong as anything, and of all bytes.
  [[gnu::noinline]] bool supersedes_narrow(ShadowCell& cell, StateId from) noexcept {
    AccessNode& node = node_of(without_bits(from));
    const LockedNode locked(node);
    if (cell.load(std::memory_order_relaxed) != from) return false;
    const NarrowRecords records = locked.records();  // a third is of the epoch of one of the others
    if (!is_before(records.first) || (records.second != AccessWord() && !is_before(records.second))) return false;
    // The records stay in this node as well: the collector may have looked at the cell already.
    return cell.compare_exchange_strong(from, to_, std::memory_order_acq_rel, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] bool is_before(AccessWord old) noexcept {
    const std::uint64_t epoch = old.at().bits();
    const bool is_own = (epoch ^ at_) >> (kTimeBits + kSpareBits) == 0;  // slots are compared
    return is_own ? epoch <= at_ : is_ordered(thread_, thread_.actor->clocks.whole, old.at());
  }

  static constexpr std::uint32_t kDeepest = 8;  // records of usual chains

  EngineThread& thread_;
  const std::uint64_t at_;  // bits of its epoch
  const StateId to_;
  StateId superseded_ = kUntouched;  // the one asked last of those that are
};

// The state of what nothing but this free is known of. kUntouched: there is no room for it.
[[gnu::always_inline]] inline StateId freed_state(EngineThread& thread, AccessWord word, std::uintptr_t pc) noexcept {
  const ContextId context = context_here(thread);
  const auto held = static_cast<std::uint16_t>(thread.actor->held.count());
  // What was freed before, from here and in this epoch, has it already.
  Move& move = thread.memos.move_for(kUntouched, word.bits(), pc, context);
  if (move.is_for(kUntouched, word.bits(), pc, context, held)) return move.to;
  const StateId id = push_record(thread.states, {word, place_at(thread, pc, context), false}, kUntouched);
  if (id == kUntouched) [[unlikely]]
    return id;
  node_of(id).make_shared();  // most blocks have several granules
  move = {word.bits(), pc, kUntouched, id, context, held, 0xff, 0xff};
  thread.note_filled();
  return id;
}

}  // namespace

std::uintptr_t free_usual(EngineThread& thread, std::uintptr_t address, std::uintptr_t end,
                          std::uintptr_t pc) noexcept {
  ActorClock& clock = thread.actor->clocks.whole;
  if (!clock.started() || piece_at(address, end).moved != 0 || piece_at(address, end).end != end) return address;
  const Epoch at = clock.now_in_shadow();
  name_slot(thread, at);
  const AccessWord word(at, AccessWord::kWrite | AccessWord::kFreed | AccessWord::kBytes);
  const StateId to = freed_state(thread, word, pc);
  if (to == kUntouched) return address;
  return Freeing(thread, word, to).run(address, end);
}

}  // namespace vigil::shim::race
