// Memory that begins anew: what was known of it is forgotten.
#include <atomic>
#include <cstdint>

#include "interpose/race/engine_thread.hpp"
#include "interpose/race/granule_part.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {
namespace {

bool has_no_other(StateId chain, std::uint64_t bytes) noexcept {
  for (StateId id = chain; id != kUntouched; id = node_of(id).older) {
    if ((AccessWord(node_of(id).word.load(std::memory_order_relaxed)).bytes() & ~bytes) != 0) return false;
  }
  return true;
}

// Part of a granule is forgotten.
void forget_bytes(std::uintptr_t address, std::uint64_t bytes) noexcept {
  ShadowCell& cell = cell_of(address);
  if (cell.load(std::memory_order_relaxed) == kUntouched) return;
  EngineThread* const thread = enter_for_variable();
  if (thread == nullptr) return;
  StateId from = cell.load(std::memory_order_acquire);
  while (from != kUntouched) {
    if (is_private(from)) {
      if (!make_chain(thread->states, cell, from)) break;
      from = cell.load(std::memory_order_acquire);
      continue;
    }
    const Step step = has_no_other(from, bytes) ? Step{} : erase_bytes(thread->states, from, bytes);
    if (cell.compare_exchange_strong(from, step.to, std::memory_order_acq_rel, std::memory_order_acquire)) break;
    undo(thread->states, step);
  }
  leave_variable(*thread);
}

void forget_all(std::uintptr_t address, std::size_t size) noexcept {
  std::uintptr_t end = address + size;
  if (address < end && address % kGranuleBytes != 0) {
    const GranulePart part = first_granule(address, end);
    forget_bytes(address, part.mask);
    address += part.bytes;
  }
  const std::size_t last = end % kGranuleBytes;
  if (address < end && last != 0) {
    end -= last;
    forget_bytes(end, first_granule(end, end + last).mask);
  }
  if (address < end) clear_shadow(address, end - address);
}

// Most blocks of a heap.
bool forget_few(std::uintptr_t address, std::size_t size) noexcept {
  constexpr std::size_t kFew = 16;  // granules
  if (size > kFew * kGranuleBytes || address % kGranuleBytes != 0 || size % kGranuleBytes != 0) return false;
  // In a chunk without a state nothing is known; it must not become memory by being looked at.
  if (!is_touched_chunk(address) || !is_touched_chunk(address + size)) return false;
  if (is_in_stacks(address) || is_in_stacks(address + size)) return false;  // cells may lie in pieces
  ShadowCell* const end = &cell_at(address + size);
  for (ShadowCell* cell = &cell_at(address); cell != end; ++cell) {
    if (cell->load(std::memory_order_relaxed) != kUntouched) cell->store(kUntouched, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace

void forget(std::uintptr_t address, std::size_t size) noexcept {
  if (!engine_is_native() || address >= kWatchedEnd || size > kWatchedEnd - address) return;
  if (forget_few(address, size)) return;
  forget_all(address, size);
}

void forget_variable(std::uintptr_t address, std::size_t size) noexcept {
  if (engine_is_native() || !engine_watches_variables() || !has_shadow(address) || size > kWatchedEnd - address) return;
  forget_all(address, size);
}

}  // namespace vigil::shim::race
