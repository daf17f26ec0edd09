// Memory that begins anew: whatever was known of it is forgotten.
#include <algorithm>

#include "interpose/race/access_word.hpp"
#include "interpose/race/engine_thread.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/race/private_states.hpp"
#include "interpose/race/shadow_map.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {
namespace {

// Part of a granule is forgotten.
void forget_bytes(std::uintptr_t address, std::uint64_t bytes) noexcept {
  EngineThread* const thread = enter();
  if (thread == nullptr) return;
  ShadowCell& cell = cell_of(address);
  StateId from = cell.load(std::memory_order_acquire);
  while (from != kUntouched) {
    if (is_private(from)) {
      if (!make_chain(thread->states, cell, from)) break;
      from = cell.load(std::memory_order_acquire);
      continue;
    }
    const Step step = erase_bytes(thread->states, from, bytes);
    if (cell.compare_exchange_strong(from, step.to, std::memory_order_acq_rel, std::memory_order_acquire)) break;
    undo(thread->states, step);
  }
  leave(*thread);
}

// Most blocks of a heap.
bool forget_few(std::uintptr_t address, std::size_t size) noexcept {
  constexpr std::size_t kFew = 16;  // granules
  if (size > kFew * kGranuleBytes || address % kGranuleBytes != 0 || size % kGranuleBytes != 0) return false;
  // In a chunk without a state nothing is known; it must not become memory by being looked at.
  if (!is_touched_chunk(address) || !is_touched_chunk(address + size)) return false;
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

}  // namespace vigil::shim::race
