// NarrowRecords: the one or two records in the node of a private state (private_states.hpp) that is not wide, its lock,
// and the step that an access makes of them. Apart from the states themselves because the most usual of all slow
// accesses (usual_access.cpp) has it in one piece with everything else it does.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

#include "interpose/race/access_states.hpp"
#include "interpose/race/transition.hpp"

namespace vigil::shim::race {

struct NarrowRecords {
  AccessWord first;
  AccessWord second;
  PlaceId first_place{};
  PlaceId second_place{};
};

inline std::atomic_ref<std::uint64_t> second_of(AccessNode& node) noexcept { return std::atomic_ref(node.second); }

// The lock of a private state: a word of the node, or of the wide records. seq_cst for WideRecords::renew_alone(), who
// does not take it. relaxed, where it fails: only tried again.
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
inline Locked<std::uint32_t> lock_of(AccessNode& node) noexcept {
  return {node.flags, AccessNode::kPrivate, AccessNode::kPrivate | AccessNode::kLocked};
}

inline NarrowRecords records_of(AccessNode& node) noexcept {
  return {AccessWord(node.word.load(std::memory_order_relaxed)),
          AccessWord(second_of(node).load(std::memory_order_relaxed)), node.place, node.second_place};
}

// P2 of private_states.hpp: the second first.
inline void put(AccessNode& node, const NarrowRecords& records) noexcept {
  node.second_place = records.second_place;
  second_of(node).store(records.second.bits(), std::memory_order_relaxed);
  node.place = records.first_place;
  node.word.store(records.first.bits(), std::memory_order_relaxed);
}

enum class StepResult : std::uint8_t { Same, Changed, Races, Full };

// Whether those records, a first and perhaps a second, are of that access's actor, of its bytes, and plain.
[[gnu::always_inline]] inline bool are_own(AccessWord first, AccessWord second, AccessWord access) noexcept {
  constexpr std::uint64_t kTime = std::uint64_t{kLastTime} << kSpareBits;
  constexpr std::uint64_t kDiffer = kTime | AccessWord::kWrite;
  const std::uint64_t differs =
      (first.bits() ^ access.bits()) | (second == AccessWord() ? 0 : second.bits() ^ access.bits());
  return (differs & ~kDiffer) == 0;
}
// The step below for such: a local variable, or what one thread counts under its lock. Only a write is kept beside a
// later read.
[[gnu::always_inline]] inline StepResult step_own(NarrowRecords& records, const AccessRecord& access,
                                                  Covered& covered) noexcept {
  const AccessWord first = records.first;
  const AccessWord second = records.second;
  const auto covers = [&](AccessWord word) noexcept {
    return word.same_epoch(access.word) && word.as_strong_as(access.word);
  };
  if (covers(first) || covers(second)) {
    if (first.same_epoch(access.word)) note_covered(covered, first);
    if (second.same_epoch(access.word)) note_covered(covered, second);
    return StepResult::Same;
  }
  if (access.word.is_write()) {
    records.second = AccessWord();
  } else if (first.is_write()) {
    records.second = first;
    records.second_place = records.first_place;
  } else if (!second.is_write()) {
    records.second = AccessWord();
  }
  records.first = access.word;
  records.first_place = access.place;
  note_covered(covered, access.word);
  return StepResult::Changed;
}

// The step of transition.cpp, for at most two records that neither raced nor are frees. The usual case of the hottest
// slow path: kept in registers, so no arrays.
template <class Knows>
class Step2 {
 public:
  Step2(const AccessRecord& access, const Knows& ordered) noexcept
      : access_(access.word), place_(access.place), ordered_(ordered) {}

  [[gnu::always_inline]] StepResult run(NarrowRecords& records, Covered& covered) noexcept {
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

 private:
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
