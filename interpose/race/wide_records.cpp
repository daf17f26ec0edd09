#include "interpose/race/wide_records.hpp"

#include <array>
#include <bit>
#include <memory>
#include <new>
#include <span>

#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::array<std::uint32_t, 3> kCapacities = {5, 10, WideRecords::kMost};
constexpr std::array<std::uint32_t, 2> kSpreadCapacities = {7, WideRecords::kMost};

constexpr std::uint32_t capacity_for(std::span<const std::uint32_t> capacities, std::uint32_t room) noexcept {
  for (const std::uint32_t capacity : capacities) {
    if (capacity >= room) return capacity;
  }
  return WideRecords::kMost;
}

template <class Visit>
[[gnu::always_inline]] inline void each_bit(std::uint32_t bits, Visit&& visit) noexcept {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::uint32_t>(std::countr_zero(bits)));
}

}  // namespace

constinit std::atomic<std::uint32_t> WideRecords::spread_blocks_{0};
constinit std::atomic<std::uint8_t> WideRecords::crowded_after_{WideRecords::kUsualTurns};

// Counts one more, if there may be one.
bool WideRecords::may_spread() noexcept {
  if (spread_blocks_.fetch_add(1, std::memory_order_relaxed) < kMostSpread) return true;
  spread_blocks_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

WideRecords::WideRecords(std::uint32_t capacity, bool spread) noexcept
    : capacity_(capacity & 0x7fU), is_spread_(spread ? 1U : 0U) {
  if (spread) {
    ::new (&version()) std::atomic<std::uint32_t>(1);
    std::uninitialized_value_construct_n(owners(), capacity);
    std::uninitialized_value_construct_n(lines(), capacity);
  } else {
    std::uninitialized_value_construct_n(&place(0), capacity);
    std::uninitialized_value_construct_n(&word(0), capacity);
  }
}

WideRecords* WideRecords::make(std::uint32_t room, bool spread) noexcept {
  static_assert(bytes_of(kCapacities[0], false) == kLine && bytes_of(kCapacities[1], false) == 2 * kLine &&
                bytes_of(kCapacities[2], false) == 4 * kLine);
  static_assert(bytes_of(kSpreadCapacities[0], true) == 8 * kLine && sizeof(Line) == kLine);
  spread = spread && may_spread();
  const std::uint32_t capacity = spread ? capacity_for(kSpreadCapacities, room) : capacity_for(kCapacities, room);
  return ::new (own_allocate(bytes_of(capacity, spread), kLine)) WideRecords(capacity, spread);
}

void WideRecords::unmake(WideRecords* records) noexcept {
  const bool spread = records->is_spread();
  if (spread) spread_blocks_.fetch_sub(1, std::memory_order_relaxed);
  own_free(records, bytes_of(records->capacity_, spread), kLine);
}

void WideRecords::spread_after(std::uint8_t turns) noexcept { crowded_after_.store(turns, std::memory_order_relaxed); }

void WideRecords::put_at(std::uint32_t index, AccessWord record, PlaceId place) noexcept {
  this->place(index).store(place, std::memory_order_relaxed);
  if (is_spread_) {
    owners()[index].store(record.at().slot(), std::memory_order_relaxed);
    lines()[index].seen.store(0, std::memory_order_relaxed);
  }
  word(index).store(record.bits(), std::memory_order_relaxed);
}

void WideRecords::put(AccessWord record, PlaceId place) noexcept {
  std::uint32_t at = 0;
  while (word_at(at) != AccessWord()) ++at;
  put_at(at, record, place);
}

void WideRecords::renew(std::uint32_t index, AccessWord access, bool has_reads) noexcept {
  word(index).store(access.bits(), std::memory_order_relaxed);
  if (is_spread_) {
    // What others read does not clash with it if it is an atomic write of an earlier epoch; with this one it may. And
    // those reads are renewed without a change of the version, so that this record may not be: no version is 0. (What
    // others write as plain is not renewed so.)
    const bool may_clash = access.is_write() && has_reads;
    if (may_clash) change_version();
    lines()[index].seen.store(may_clash ? 0 : version().load(std::memory_order_relaxed), std::memory_order_relaxed);
  } else {
    count_turn(index);
  }
}

[[gnu::always_inline]] inline WideRecords::Sorted WideRecords::sort_for(const Words& words,
                                                                        AccessWord access) const noexcept {
  Sorted sorted;
  const auto push = [](std::uint32_t& bits, bool bit) { bits = bits << 1U | static_cast<std::uint32_t>(bit); };
  for (std::uint32_t i = capacity_; i-- != 0;) {  // without branches: what comes next nobody can guess
    const std::uint64_t record = words[i].bits();
    const std::uint64_t differs = record ^ access.bits();
    push(sorted.empty, record == 0);
    push(sorted.same, (differs & AccessWord::kEpoch) == 0);
    push(sorted.own, (differs & kSlot) == 0);
    push(sorted.touched, (record & access.bytes()) != 0);
  }
  return sorted;
}

WideRecords::Result WideRecords::step(AccessWord access, PlaceId place, const KnowsRef& ordered,
                                      Covered& covered) noexcept {
  if (!access.is_atomic() && !is_spread_) {
    if (Covered usual; put_over(access, place, ordered, usual)) {
      covered = usual;
      return Result::Done;
    }
  }
  // A plain write supersedes what others did, and should.
  if (access.is_write() && !access.is_atomic()) return any_step(access, place, ordered, covered);
  const Words words(*this);
  std::uint32_t own = kNone;
  bool has_reads = false;
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    const AccessWord record = words[i];
    if (((record.bits() ^ access.bits()) & kSlot) == 0) {
      // One like this one, which it supersedes; not the second of several.
      const bool alike = own == kNone && record.sort() == access.sort() && record.bytes() == access.bytes();
      // In one epoch the first of several places stands.
      const bool stands = record.same_epoch(access) && place_at(i) != place;
      if (!alike || stands) return any_step(access, place, ordered, covered);
      own = i;
      continue;
    }
    has_reads |= record != AccessWord() && record.sort() == 0;
    if ((record.bytes() & access.bytes()) != 0 && record.clashes_with(access) && !ordered(record.at()))
      return Result::Races;
  }
  if (own == kNone) return any_step(access, place, ordered, covered);
  if (is_crowded()) return Result::Full;
  this->place(own).store(place, std::memory_order_relaxed);
  renew(own, access, has_reads);
  note_covered(covered, access);
  return Result::Done;
}

WideRecords::Renewal WideRecords::renew_alone(AccessWord access, PlaceId place, OwnRecord& found) noexcept {
  if (!is_spread_ || (access.is_write() && !access.is_atomic())) return Renewal::NotUsual;
  std::uint32_t own = kNone;
  for (std::uint32_t i = 0; i < capacity_; ++i) {
    if (owners()[i].load(std::memory_order_relaxed) != access.at().slot()) continue;
    if (own != kNone) return Renewal::NotUsual;
    own = i;
  }
  if (own == kNone) return Renewal::NotUsual;
  OwnRecord record;
  record.records_ = this;
  record.line_ = &lines()[own];
  record.word_ = record.line_->word.load(std::memory_order_relaxed);
  const Renewal renewal = renew_again(record, access, place);
  if (renewal == Renewal::Done) found = record;
  return renewal;
}

// As add_access() in transition.cpp, on records that stand in no order.
WideRecords::Result WideRecords::any_step(AccessWord access, PlaceId place, const KnowsRef& ordered,
                                          Covered& covered) noexcept {
  const Words words(*this);
  const Sorted sorted = sort_for(words, access);
  std::uint64_t open = access.bytes();
  each_bit(sorted.same, [&](std::uint32_t i) {
    const AccessWord record = words[i];
    if (record.as_strong_as(access)) open &= ~record.bytes();
  });
  if (open == 0) {
    each_bit(sorted.same, [&](std::uint32_t i) { note_covered(covered, words[i]); });
    return Result::Done;
  }

  std::array<std::uint64_t, kMost> left;  // of the records that change; not cleared, for it is a line or two
  std::uint32_t changed = 0;
  std::uint32_t free = sorted.empty;
  const auto leave = [&](std::uint32_t i, AccessWord record, std::uint64_t bytes) {
    if (bytes == record.bytes()) return;
    left[i] = bytes != 0 ? record.with_bytes(bytes).bits() : 0;
    changed |= 1U << i;
    if (bytes == 0) free |= 1U << i;
  };
  AccessWord added = access.with_bytes(open);
  each_bit(sorted.same, [&](std::uint32_t i) {
    const AccessWord record = words[i];
    if (record.sort() == access.sort() && place_at(i) == place) {
      added = added.with_bytes(added.bytes() | record.bytes());
      leave(i, record, 0);
    } else if (access.as_strong_as(record)) {
      leave(i, record, record.bytes() & ~open);
    }
  });
  each_bit(sorted.touched & sorted.own & ~sorted.same, [&](std::uint32_t i) {
    const AccessWord record = words[i];
    if (access.as_strong_as(record)) leave(i, record, record.bytes() & ~open);
  });
  std::uint32_t harmless = 0;  // records of others that cannot clash
  bool races = false;
  each_bit(sorted.touched & ~sorted.own, [&](std::uint32_t i) {
    const AccessWord record = words[i];
    if ((record.bytes() & open) == 0 || races) return;
    if (!record.clashes_with(access)) {
      harmless |= 1U << i;
    } else if (!ordered(record.at())) {
      races = true;
    } else if (access.as_strong_as(record)) {
      leave(i, record, record.bytes() & ~open);
    }
  });
  if (races) return Result::Races;
  // They may be superseded all the same, which is asked only when there is no room else.
  if (free == 0) {
    each_bit(harmless, [&](std::uint32_t i) {
      const AccessWord record = words[i];
      if (access.as_strong_as(record) && ordered(record.at())) leave(i, record, record.bytes() & ~open);
    });
    if (free == 0) return Result::Full;
  }

  each_bit(changed, [&](std::uint32_t i) {
    word(i).store(left[i], std::memory_order_relaxed);
    if (is_spread_ && left[i] == 0) owners()[i].store(ClockSlot{0}, std::memory_order_relaxed);
  });
  const auto room = static_cast<std::uint32_t>(std::countr_zero(free));
  note_put();
  put_at(room, added, place);
  change_version();
  each_bit(sorted.same | 1U << room, [&](std::uint32_t i) { note_covered(covered, words[i]); });
  return Result::Done;
}

}  // namespace vigil::shim::race
