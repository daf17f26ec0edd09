// ShadowMap: from an address to the number of its granule's state. Four bytes for eight, at a fixed place:
//
//   shadow(a) = kShadowBase + place_of(a) / 8 * 4
//
// where place_of(a) is a, but for tasks' stacks (stack_places.hpp).
// The shadow of all 128 TiB that x86-64 gives a program takes 64 TiB, which fits between the low addresses (programs
// not built as PIE, and their heap) and where Linux puts position-independent programs, libraries and stacks (from
// 0x5555... up): nothing is folded, so no address is out of reach and no layout is refused. Memory is used only where
// memory is watched.
//
// Threads: any. A cell changes by compare-and-swap, so that no access is lost even when two really meet.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/stack_places.hpp"

namespace vigil::shim::race {

inline constexpr std::uintptr_t kShadowBase = 0x1000'0000'0000;
inline constexpr std::uintptr_t kWatchedEnd = std::uintptr_t{1} << 47U;
inline constexpr std::size_t kShadowBytes = kWatchedEnd / 2;

using ShadowCell = std::atomic<StateId>;
static_assert(sizeof(ShadowCell) == 4 && ShadowCell::is_always_lock_free);

// Of a place, not of an address: what the entry points look at first. Demands: place < kWatchedEnd, the shadow is
// mapped.
inline ShadowCell& cell_in(std::uintptr_t place) noexcept {
  return *reinterpret_cast<ShadowCell*>(kShadowBase + (place / 2 & ~std::uintptr_t{3}));
}
// The same where the place is known to be a granule's: two instructions.
inline ShadowCell& cell_at(std::uintptr_t place) noexcept {
  return *reinterpret_cast<ShadowCell*>(kShadowBase + place / 2);
}
// Demands: address < kWatchedEnd, the shadow is mapped.
inline ShadowCell& cell_of(std::uintptr_t address) noexcept { return cell_in(place_of(address)); }

// Makes the page of that address's cell memory, by a write that changes nothing: where something will be known soon. A
// page that is read first becomes memory in two faults, of which the second interrupts the other processors.
inline void touch_shadow(std::uintptr_t address) noexcept {
  StateId expected = kUntouched;
  cell_of(address).compare_exchange_strong(expected, kUntouched, std::memory_order_relaxed);
}

// How much of the shadow there is. Beside AddressSanitizer, whose own shadow ends 2 GiB above kShadowBase, that of the
// lowest addresses is missing.
enum class ShadowExtent : std::uint8_t { None, WithoutLowest, Whole };
inline constexpr std::uintptr_t kLowestEnd = std::uintptr_t{1} << 32U;
// Once. None: the address space does not allow it.
ShadowExtent map_shadow() noexcept;
// Whether the shadow of that address is there. Asked where it need not be whole: what is instrumented has all of it.
bool has_shadow(std::uintptr_t address) noexcept;

namespace detail {
inline constexpr unsigned kChunkShift = 20;  // application bytes a chunk
extern constinit std::atomic<std::uint8_t>* touched_chunks;
void note_chunk_slow(std::uintptr_t chunk) noexcept;
}  // namespace detail

inline bool is_touched_chunk(std::uintptr_t address) noexcept {
  // relaxed: set once, and a collector waits for whoever is between this and the store.
  return detail::touched_chunks[address >> detail::kChunkShift].load(std::memory_order_relaxed) != 0;
}
// Before the first state other than kUntouched goes into a cell near that address.
inline void note_touched(std::uintptr_t address) noexcept {
  if (!is_touched_chunk(address)) detail::note_chunk_slow(address >> detail::kChunkShift);
}

// [address, address + size), whole granules: kUntouched again. Returns whether something may have been known of them.
bool clear_shadow(std::uintptr_t address, std::size_t size) noexcept;

// Calls visit(state) for every cell that is not kUntouched; others may change cells meanwhile.
void each_state(void (*visit)(StateId state, void* context), void* context) noexcept;
// Bytes of shadow that lie in memory, about; as of the last each_state().
std::size_t shadow_in_memory() noexcept;

}  // namespace vigil::shim::race
