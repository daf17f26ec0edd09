// What is asked first of every plain access: whether it changes anything. In a few instructions, in the entry points.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/shadow_map.hpp"

namespace vigil::shim::race {

enum class Use : std::uint8_t { Read, Write };

// Whether a plain access to those bytes of a granule changes nothing. The thread's covered accesses know of many states
// a little; the granule's newest record is one line of memory further, and in the same line is the other one of a
// granule that has its records to itself. That line is left alone when the thread's entry is of this state: it would
// say no more, and to read a line that others change and then to change it is to fetch it twice.
// All are asked outside enter() and leave(). The record of an epoch is written by the thread that runs in it, and this
// is it: whatever else becomes of the number meanwhile, this epoch stands in it only if the granule still had it just
// now. Where the other record lies something else may lie by then, so it counts only if the granule has the number
// after it was read as well.
[[gnu::always_inline]] inline bool is_covered(const ShadowCell& cell, StateId state, const CoveredEntry& entry,
                                              std::uint64_t bytes, Use use, std::uint64_t epoch) noexcept {
  if (entry.is_of(state)) return entry.covers(epoch, use == Use::Write, bytes);
  // Of memory never accessed, number 0, the record is empty.
  const AccessNode& node = node_of(without_bits(state));
  const std::uint64_t newest = node.word.load(std::memory_order_relaxed);
  // Our epoch, no free, not atomic; for a write, a write; all the bytes.
  constexpr std::uint64_t kPlain = AccessWord::kEpoch | AccessWord::kFreed | AccessWord::kAtomic;
  const std::uint64_t fixed = kPlain | bytes | (use == Use::Write ? AccessWord::kWrite : 0);
  const std::uint64_t wanted = epoch | bytes | (use == Use::Write ? AccessWord::kWrite : 0);
  if ((newest & fixed) == wanted) return true;
  if (!is_private(state) || (node.second_word() & fixed) != wanted) return false;
  return !is_wide(state) && cell.load(std::memory_order_relaxed) == state;
}
// relaxed: a state that covers us was put there by ourselves, or after ourselves.
[[gnu::always_inline]] inline StateId state_in(const ShadowCell& cell) noexcept {
  return cell.load(std::memory_order_relaxed);
}
[[gnu::always_inline]] inline const CoveredEntry& entry_of(StateId state) noexcept { return hot.covered->entry(state); }
[[gnu::always_inline]] inline bool is_covered(const ShadowCell& cell, std::uint64_t bytes, Use use,
                                              std::uint64_t epoch) noexcept {
  const StateId state = state_in(cell);
  return is_covered(cell, state, entry_of(state), bytes, use, epoch);
}

}  // namespace vigil::shim::race
