#include "interpose/race/wide_records.hpp"

#include <array>
#include <bit>
#include <memory>
#include <new>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::array<std::uint32_t, 3> kCapacities = {5, 10, WideRecords::kMost};

}  // namespace

WideRecords::WideRecords(std::uint32_t capacity) noexcept : capacity_(static_cast<std::uint8_t>(capacity)) {
  std::uninitialized_value_construct_n(places(), capacity);
  std::uninitialized_value_construct_n(words(), capacity);
}

WideRecords* WideRecords::make(std::uint32_t room) noexcept {
  static_assert(bytes_of(kCapacities[0]) == kLine && bytes_of(kCapacities[1]) == 2 * kLine &&
                bytes_of(kCapacities[2]) == 4 * kLine);
  std::uint32_t capacity = kMost;
  for (std::size_t i = kCapacities.size(); i-- > 0 && kCapacities[i] >= room;) capacity = kCapacities[i];
  return ::new (own_allocate(bytes_of(capacity), kLine)) WideRecords(capacity);
}

void WideRecords::unmake(WideRecords* records) noexcept { own_free(records, bytes_of(records->capacity_), kLine); }

void WideRecords::put(AccessWord word, PlaceId place) noexcept {
  std::uint32_t at = 0;
  while (word_at(at) != AccessWord()) ++at;
  places()[at] = place;
  words()[at].store(word.bits(), std::memory_order_relaxed);
}

WideRecords::Result WideRecords::step(AccessWord access, PlaceId place, const KnowsRef& ordered,
                                      Covered& covered) noexcept {
  // A plain write supersedes what others did, and should.
  if (access.is_write() && !access.is_atomic()) return any_step(access, place, ordered, covered);
  constexpr std::uint64_t kSlot = ~std::uint64_t{0} << (kTimeBits + kSpareBits);
  constexpr std::uint32_t kNone = kMost;
  std::uint32_t own = kNone;
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    const AccessWord word = word_at(i);
    if (((word.bits() ^ access.bits()) & kSlot) == 0) {
      // One like this one, which it supersedes; not the second of several.
      const bool alike = own == kNone && word.sort() == access.sort() && word.bytes() == access.bytes();
      if (!alike || places()[i] != place) return any_step(access, place, ordered, covered);
      own = i;
    } else if ((word.bytes() & access.bytes()) != 0 && word.clashes_with(access) && !ordered(word.at())) {
      return Result::Races;
    }
  }
  if (own == kNone) return any_step(access, place, ordered, covered);
  words()[own].store(access.bits(), std::memory_order_relaxed);
  note_covered(covered, access);
  return Result::Done;
}

// As add_access() in transition.cpp, on records that stand in no order.
WideRecords::Result WideRecords::any_step(AccessWord access, PlaceId place, const KnowsRef& ordered,
                                          Covered& covered) noexcept {
  std::uint64_t open = access.bytes();
  std::uint32_t same = 0;  // the records of this epoch: usually none
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    const AccessWord word = word_at(i);
    if (!word.same_epoch(access)) continue;
    same |= 1U << i;
    if (word.as_strong_as(access)) open &= ~word.bytes();
  }
  if (open == 0) {
    for (; same != 0; same &= same - 1)
      note_covered(covered, word_at(static_cast<std::uint32_t>(std::countr_zero(same))));
    return Result::Done;
  }

  std::array<std::uint64_t, kMost> left;  // of the records that change; not cleared, for it is a line or two
  std::uint32_t changed = 0;
  std::uint32_t room = capacity_;
  AccessWord added;
  // Whether other actors' records are asked for that cannot clash, for they may be superseded: only when there is no
  // room else.
  for (bool prunes : {false, true}) {
    changed = 0;
    added = access.with_bytes(open);
    for (std::uint32_t i = 0; i < capacity_; ++i) {
      const AccessWord word = word_at(i);
      if (word == AccessWord()) {
        room = i;
        continue;
      }
      std::uint64_t bytes = word.bytes();
      if (word.same_epoch(access)) {
        if (word.sort() == access.sort() && places()[i] == place) {
          added = added.with_bytes(added.bytes() | bytes);
          bytes = 0;
        } else if (access.as_strong_as(word)) {
          bytes &= ~open;
        }
      } else if ((bytes & open) != 0) {
        const bool own = word.at().slot() == access.at().slot();
        const bool clashes = word.clashes_with(access);
        if (!own && !clashes && !prunes) continue;
        if (!own && !ordered(word.at())) {
          if (clashes) return Result::Races;
          continue;
        }
        if (access.as_strong_as(word)) bytes &= ~open;
      }
      if (bytes == word.bytes()) continue;
      left[i] = bytes != 0 ? word.with_bytes(bytes).bits() : 0;
      changed |= 1U << i;
      if (bytes == 0) room = i;
    }
    if (room != capacity_) break;
  }
  if (room == capacity_) return Result::Full;

  for (std::uint32_t some = changed; some != 0; some &= some - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(some));
    words()[i].store(left[i], std::memory_order_relaxed);
  }
  places()[room] = place;
  words()[room].store(added.bits(), std::memory_order_relaxed);
  same |= 1U << room;
  for (; same != 0; same &= same - 1)
    note_covered(covered, word_at(static_cast<std::uint32_t>(std::countr_zero(same))));
  return Result::Done;
}

}  // namespace vigil::shim::race
