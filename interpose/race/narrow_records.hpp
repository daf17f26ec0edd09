// NarrowRecords: the records in the node of a private state (private_states.hpp) that is not wide, its lock, and the
// step that an access makes of them. Apart from the states themselves because the most usual of all slow accesses
// (private_access.hpp) has it in one piece with everything else it does.
//
// A node has room for two records, and for a third one of the same epoch as one of them: its bytes and its sort are in
// the node's flags, so that who takes the lock sees in passing that there is none. What is used half by half often has
// three for a moment: one half is written, the other one not yet, but read.
#pragma once

#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "interpose/race/access_states.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

inline constexpr std::uint32_t kMostNarrow = 3;

struct NarrowRecords {
  AccessWord first;
  AccessWord second;
  AccessWord third;  // of the epoch of the first or the second, which then is there
  PlaceId first_place{};
  PlaceId second_place{};
  PlaceId third_place{};
};

// The third record in a node's flags, from kThirdShift on.
class ThirdInFlags {
 public:
  static constexpr std::uint32_t kHow = AccessWord::kBytes | AccessWord::kWrite | AccessWord::kAtomic;
  static constexpr std::uint32_t kOfSecond = kHow + 1;  // else it is of the first record's epoch

  constexpr explicit ThirdInFlags(std::uint32_t flags) noexcept : bits_(flags >> AccessNode::kThirdShift) {}
  explicit ThirdInFlags(const NarrowRecords& records) noexcept
      : bits_(static_cast<std::uint32_t>(records.third.bits()) & kHow) {
    if (bits_ != 0 && !records.third.same_epoch(records.first)) bits_ |= kOfSecond;
  }
  [[nodiscard]] constexpr std::uint32_t flags() const noexcept { return bits_ << AccessNode::kThirdShift; }
  [[nodiscard]] constexpr bool is_none() const noexcept { return bits_ == 0; }
  [[nodiscard]] constexpr bool is_of_second() const noexcept { return (bits_ & kOfSecond) != 0; }
  [[nodiscard]] constexpr AccessWord word(AccessWord first, AccessWord second) const noexcept {
    return is_none() ? AccessWord() : AccessWord(is_of_second() ? second.at() : first.at(), bits_ & kHow);
  }

 private:
  std::uint32_t bits_;
};
static_assert((ThirdInFlags::kHow & AccessWord::kFreed) == 0);  // P3 of private_states.hpp

inline std::atomic_ref<std::uint64_t> second_of(AccessNode& node) noexcept { return std::atomic_ref(node.second); }

// The lock of the wide records of a private state. seq_cst for WideRecords::renew_alone(), who does not take it.
// relaxed, where it fails: only tried again.
template <class Word>
class Locked {
 public:
  Locked(std::atomic<Word>& word, Word open, Word locked) noexcept : word_(word), open_(open) {
    for (unsigned tries = 1;; ++tries) {
      Word expected = open;
      if (word.compare_exchange_weak(expected, locked, std::memory_order_seq_cst, std::memory_order_relaxed)) return;
      if (tries % 64 == 0) sched_yield();  // whoever holds it for so long does not run
    }
  }
  ~Locked() { word_.store(open_, std::memory_order_release); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  std::atomic<Word>& word_;
  const Word open_;
};

[[nodiscard, gnu::always_inline]] inline NarrowRecords records_of(AccessNode& node, std::uint32_t flags) noexcept {
  const AccessWord first(node.word.load(std::memory_order_relaxed));
  const AccessWord second(second_of(node).load(std::memory_order_relaxed));
  const AccessWord third = ThirdInFlags(flags).word(first, second);
  return {first, second, third, node.place, node.second_place, node.third_place};
}
// Returns the node's flags to be. P2 of private_states.hpp: the second first.
[[nodiscard, gnu::always_inline]] inline std::uint32_t put_records(AccessNode& node,
                                                                   const NarrowRecords& records) noexcept {
  if (records.third != AccessWord()) node.third_place = records.third_place;
  node.second_place = records.second_place;
  second_of(node).store(records.second.bits(), std::memory_order_relaxed);
  node.place = records.first_place;
  node.word.store(records.first.bits(), std::memory_order_relaxed);
  return AccessNode::kPrivate | ThirdInFlags(records).flags();
}

// The lock of a private state's node, and of the records in it: a bit of its flags, which change with it only.
class LockedNode {
 public:
  explicit LockedNode(AccessNode& node) noexcept : node_(node) {
    // Tried before it is looked at: to look first is to fetch a line twice that another processor has changed.
    if (try_lock(AccessNode::kPrivate)) [[likely]]
      return;
    for (unsigned tries = 1; !try_lock(node.flags.load(std::memory_order_relaxed) & ~AccessNode::kLocked); ++tries) {
      if (tries % 64 == 0) sched_yield();  // whoever holds it for so long does not run
    }
  }
  // release: pairs with the acquire of who locks it next: the records are whole.
  ~LockedNode() { node_.flags.store(flags_, std::memory_order_release); }
  LockedNode(const LockedNode&) = delete;
  LockedNode& operator=(const LockedNode&) = delete;

  [[nodiscard, gnu::always_inline]] NarrowRecords records() const noexcept { return records_of(node_, flags_); }
  // P2 of private_states.hpp: the second first.
  [[gnu::always_inline]] void put(const NarrowRecords& records) noexcept { flags_ = put_records(node_, records); }

 private:
  [[gnu::always_inline]] bool try_lock(std::uint32_t open) noexcept {
    flags_ = open;
    return node_.flags.compare_exchange_weak(open, open | AccessNode::kLocked, std::memory_order_acquire,
                                             std::memory_order_relaxed);
  }

  AccessNode& node_;
  std::uint32_t flags_ = 0;  // as they are to be when it is open again
};

// Of a node that nobody has seen yet.
inline void put_fresh(AccessNode& node, const NarrowRecords& records) noexcept {
  node.flags.store(AccessNode::kPrivate | ThirdInFlags(records).flags(), std::memory_order_relaxed);
  (void)put_records(node, records);
}

enum class StepResult : std::uint8_t { Same, Changed, Races, Full };

// Whether nothing of that record, beside `access`, is left: superseded, or the same access of other bytes.
template <class Knows>
[[gnu::always_inline]] inline bool is_taken_in(const AccessRecord& access, AccessWord record, PlaceId place,
                                               const Knows& ordered, std::uint64_t& bytes) noexcept {
  if (record.same_epoch(access.word) && record.sort() == access.word.sort() && place == access.place) {
    bytes |= record.bytes();
    return true;
  }
  if ((record.bytes() & ~access.word.bytes()) != 0 || !access.word.as_strong_as(record)) return false;
  return record.at().slot() == access.word.at().slot() || ordered(record.at());
}

// Whether those records, a first and perhaps a second, are of that access's actor, of its bytes, and plain if it is.
[[gnu::always_inline]] inline bool are_own(AccessWord first, AccessWord second, AccessWord access) noexcept {
  constexpr std::uint64_t kTime = std::uint64_t{kLastTime} << kSpareBits;
  constexpr std::uint64_t kDiffer = kTime | AccessWord::kWrite;
  const std::uint64_t differs =
      (first.bits() ^ access.bits()) | (second == AccessWord() ? 0 : second.bits() ^ access.bits());
  return (differs & ~kDiffer) == 0;
}

// The step of transition.cpp, for records that neither raced nor are frees.
template <class Knows>
class NarrowStep {
 public:
  NarrowStep(const AccessRecord& access, const Knows& ordered) noexcept
      : access_(access.word), place_(access.place), ordered_(ordered) {}

  // records are left as they are but for Changed.
  [[gnu::always_inline]] StepResult run(NarrowRecords& records, Covered& covered) noexcept {
    if (records.third == AccessWord()) [[likely]] {
      const StepResult result = run_two(records, covered);
      if (result != StepResult::Full) return result;
    }
    return run_three(records, covered);
  }

 private:
  // Of at most two, to leave at most two. The usual case of the hottest slow path: kept in registers, so no arrays.
  [[gnu::always_inline]] StepResult run_two(NarrowRecords& records, Covered& covered) noexcept {
    const AccessWord first = records.first;
    const AccessWord second = records.second;
    const bool same_first = first.same_epoch(access_);
    const bool same_second = second.same_epoch(access_);
    open_ = access_.bytes();
    if (same_first && first.as_strong_as(access_)) open_ &= ~first.bytes();
    if (same_second && second.as_strong_as(access_)) open_ &= ~second.bytes();
    if (open_ == 0) {
      if (same_first) note_covered(covered, first);
      if (same_second) note_covered(covered, second);
      return StepResult::Same;
    }
    added_ = access_.with_bytes(open_);
    const AccessWord left_first = rest_of(first, records.first_place, same_first);
    const AccessWord left_second = second == AccessWord() ? second : rest_of(second, records.second_place, same_second);
    if (races_) return StepResult::Races;
    if (left_first.bytes() != 0 && left_second.bytes() != 0) return StepResult::Full;
    bool same_kept = same_second;
    if (left_first.bytes() != 0) {
      records.second = left_first;
      records.second_place = records.first_place;
      same_kept = same_first;
    } else {
      records.second = left_second.bytes() != 0 ? left_second : AccessWord();
    }
    records.first = added_;
    records.first_place = place_;
    note_covered(covered, added_);
    if (same_kept) note_covered(covered, records.second);
    return StepResult::Changed;
  }

  [[gnu::noinline]] StepResult run_three(NarrowRecords& records, Covered& covered) noexcept {
    struct Older {
      AccessWord word;
      PlaceId place;
      bool same;
    };
    std::array<Older, 3> older = {Older{records.first, records.first_place, false},
                                  Older{records.second, records.second_place, false},
                                  Older{records.third, records.third_place, false}};
    open_ = access_.bytes();
    for (Older& one : older) {
      one.same = one.word.same_epoch(access_);
      if (!one.same) continue;
      note_covered(covered, one.word);
      if (one.word.as_strong_as(access_)) open_ &= ~one.word.bytes();
    }
    if (open_ == 0) return StepResult::Same;
    covered = Covered();
    added_ = access_.with_bytes(open_);
    std::array<Older, 3> kept;
    std::size_t count = 0;
    for (const Older& one : older) {
      const AccessWord left = one.word == AccessWord() ? one.word : rest_of(one.word, one.place, one.same);
      if (left.bytes() != 0) kept[count++] = {left, one.place, one.same};
    }
    if (races_) return StepResult::Races;
    // Beside the new one a second may stay, and a third that is of the epoch of one of them.
    if (count == 3) return StepResult::Full;
    if (count == 2 && kept[0].same) std::swap(kept[0], kept[1]);
    if (count == 2 && !kept[1].same && !kept[0].word.same_epoch(kept[1].word)) return StepResult::Full;
    records = {added_, {}, {}, place_, {}, {}};
    note_covered(covered, added_);
    if (count != 0) {
      records.second = kept[0].word;
      records.second_place = kept[0].place;
      if (kept[0].same) note_covered(covered, kept[0].word);
    }
    if (count == 2) {
      records.third = kept[1].word;
      records.third_place = kept[1].place;
      if (kept[1].same) note_covered(covered, kept[1].word);
    }
    return StepResult::Changed;
  }

  // What stays of an older record; without bytes: nothing.
  [[gnu::always_inline]] AccessWord rest_of(AccessWord word, PlaceId place, bool same) noexcept {
    if (same) {
      if (word.sort() == access_.sort() && place == place_) {
        added_ = added_.with_bytes(added_.bytes() | word.bytes());
        return word.with_bytes(0);
      }
      return access_.as_strong_as(word) ? word.with_bytes(word.bytes() & ~open_) : word;
    }
    if ((word.bytes() & open_) == 0) return word;
    if (word.at().slot() != access_.at().slot() && !ordered_(word.at())) {
      races_ |= word.clashes_with(access_);
      return word;
    }
    return access_.as_strong_as(word) ? word.with_bytes(word.bytes() & ~open_) : word;
  }

  const AccessWord access_;
  const PlaceId place_;
  const Knows& ordered_;
  std::uint64_t open_ = 0;
  AccessWord added_;
  bool races_ = false;
};

}  // namespace vigil::shim::race
