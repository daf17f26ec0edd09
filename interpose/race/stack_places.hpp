// Where the states of tasks' stacks lie: closer together than their addresses.
//
// A task that waits has used a few hundred bytes at the upper end of its stack. Its shadow in place would be a page for
// each task, of which one cell in twenty is used. So the shadow of the uppermost page of a stack is cut into pieces of
// 256 bytes of the application, and the same piece of 32 neighbouring stacks lies in one page of shadow: memory follows
// what is used. All other addresses, a stack's other pages among them, keep their neighbours.
//
// Invariants:
//   P1  place_of() is injective: no two addresses share a cell. It knows nothing but the address; whether a stack lies
//       there, or whose, decides only how much memory is used.
//   P2  Of an address in the window the cell in place, cell_at(address), is never written. So the entry points may look
//       there first, as they do for every access: nothing is covered by nothing.
//   P3  place_of(a) - a is a multiple of 64 and stays the same up to piece_at(a).end.
//
// The runtime puts stacks into the window if it is free (runtime/src/stack_pool.cpp; the numbers must be the same in
// both, which test/interpose/stack_places_test.cpp holds). Stacks elsewhere have their shadow in place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace vigil::shim::race {

namespace stacks {
// Above the shadow's end, below where Linux puts position-independent programs.
inline constexpr unsigned kWindowShift = 40;
inline constexpr std::uintptr_t kWindow = 0x51;
inline constexpr std::uintptr_t kFrom = kWindow << kWindowShift;
inline constexpr std::uintptr_t kEnd = (kWindow + 1) << kWindowShift;

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uintptr_t kPage = std::uintptr_t{1} << kPageShift;
inline constexpr std::uint32_t kSlotPages = 65;  // of which the last is the hot one
// The runtime lets the stacks of neighbours begin at different lines of their pages. Their pieces do not.
inline constexpr std::uint32_t kColours = 16;
inline constexpr unsigned kLineShift = 6;
inline constexpr unsigned kPieceShift = 8;
inline constexpr unsigned kGroupShift = 5;  // stacks that share pages of shadow
inline constexpr std::uint32_t kGroup = 1U << kGroupShift;
inline constexpr std::uintptr_t kGroupBytes = kGroup * (kPage + (std::uintptr_t{kColours} << kLineShift));

// The addresses of the shadow itself, whose shadow nobody else needs.
inline constexpr std::uintptr_t kTops = 0x2000'0000'0000;
inline constexpr std::uintptr_t kOthers = 0x2100'0000'0000;

inline constexpr std::uintptr_t kPiece = std::uintptr_t{1} << kPieceShift;

constexpr std::uint32_t page_of(std::uintptr_t address) noexcept {
  return static_cast<std::uint32_t>((address - kFrom) >> kPageShift);
}
// Where the first piece of a slot's uppermost page lies, and the address, counted as its neighbours' are, in that page.
constexpr std::uintptr_t first_place(std::uint32_t slot) noexcept {
  return kTops + (slot >> kGroupShift) * kGroupBytes + (std::uintptr_t{slot % kGroup} << kPieceShift);
}
constexpr std::uintptr_t colour(std::uint32_t slot) noexcept { return std::uintptr_t{slot % kColours} << kLineShift; }
constexpr std::uintptr_t place_behind(std::uintptr_t first_place, std::uintptr_t offset) noexcept {
  return first_place + ((offset & ~(kPiece - 1)) << kGroupShift) + (offset & (kPiece - 1));
}

constexpr std::uintptr_t place_of(std::uintptr_t address) noexcept {
  const std::uint32_t page = page_of(address);
  const std::uint32_t slot = page / kSlotPages;
  if (page - slot * kSlotPages != kSlotPages - 1) return kOthers + (address - kFrom);
  return place_behind(first_place(slot), address % kPage + colour(slot));
}
}  // namespace stacks

constexpr bool is_in_stacks(std::uintptr_t address) noexcept {
  return address >> stacks::kWindowShift == stacks::kWindow;
}

// The address in whose place the states of that one lie.
constexpr std::uintptr_t place_of(std::uintptr_t address) noexcept {
  if (is_in_stacks(address)) [[unlikely]]
    return stacks::place_of(address);
  return address;
}

// From an address on, as far as the places lie side by side as the addresses do: place_of() is the address plus `moved`
// up to `end`.
struct Piece {
  std::uintptr_t end;
  std::uintptr_t moved;
};
constexpr Piece piece_at(std::uintptr_t address, std::uintptr_t end) noexcept {
  if (end <= stacks::kFrom || address >= stacks::kEnd) [[likely]]
    return {end, 0};
  if (address < stacks::kFrom) return {stacks::kFrom, 0};
  const std::uintptr_t place = stacks::place_of(address);
  std::uintptr_t stop = std::min(end, address + stacks::kPage - address % stacks::kPage);
  if (place < stacks::kOthers) stop = std::min(stop, address + stacks::kPiece - place % stacks::kPiece);
  return {stop, place - address};
}

}  // namespace vigil::shim::race
