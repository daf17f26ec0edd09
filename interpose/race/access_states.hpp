// AccessState: all that is kept of the accesses to one granule (8 bytes), as an immutable chain of records; a granule's
// shadow is the number of its state. Granules that were used alike share one state, so an array costs four bytes of
// shadow for eight of data, however many read it; and a new access is one look-up: state and access to next state.
//
// A record is one access: word (who, when, which bytes, how), place (from where). The chain runs from the newest on.
//
// Invariants
//   I1  A state never changes while anybody can reach it: from a granule, from another state, from a thread's caches.
//   I2  An access is missing in a granule's state only if for each of its bytes a later, ordered access at least as
//       strong is there; or it was one side of a race that was told and kMostRaced others of the kind are there.
//   I3  No two records of one state have an epoch, a place and a sort (write, atomic) in common, but in chains so deep
//       that not all of them are looked at: there the older ones go with the next compaction (chain_compaction.hpp).
//   I4  A private state (private_states.hpp) is the exception to I1: it belongs to one granule, holds a few records,
//       and is changed in place under its own lock. Its number in the granule has kPrivateBit, and may have kWideBit.
// Numbers of states nobody can reach are found by collect.hpp. Number 0 is the state of memory never accessed.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "interpose/race/access_word.hpp"
#include "interpose/race/memory.hpp"

namespace vigil::shim::race {

enum class StateId : std::uint32_t {};
inline constexpr StateId kUntouched{0};

struct AccessRecord {
  AccessWord word;
  PlaceId place{};
  bool raced = false;  // was one side of a race that has been told
};

class WideRecords;

struct AccessNode {
  // What a node is, and its lock if it is private.
  static constexpr std::uint32_t kRaced = 1;    // of this record
  static constexpr std::uint32_t kShared = 2;   // several granules may have this state: a hint, no more
  static constexpr std::uint32_t kPrivate = 4;  // a private state
  static constexpr std::uint32_t kLocked = 8;   // by who changes it
  static constexpr std::uint32_t kWide = 16;    // a private state with more than two records: they are elsewhere
  static constexpr unsigned kCompactShift = 8;  // above, of a chain: the binary logarithm of compact_at()
  static constexpr std::uint32_t kFewest = 4;   // of it
  static constexpr unsigned kThirdShift = 8;    // above, of a private state: its third record (narrow_records.hpp)

  struct Chain {
    StateId last_write;   // the newest write in this chain, itself included
    std::uint32_t depth;  // records in this chain
  };

  std::atomic<std::uint64_t> word;  // 0: this number is free. relaxed: who reaches a node by its number sees it whole
  PlaceId place;
  union {
    StateId older;         // the rest of the chain; of a free number: the next free one
    PlaceId second_place;  // of a private state
  };
  union {
    Chain chain;
    std::uint64_t second;  // of a private state: its other record's AccessWord, or 0
    WideRecords* wide;     // of a wide one: all its records (wide_records.hpp)
  };
  union {
    StateId last_plain;   // of a chain: its newest record that is not atomic, itself included
    PlaceId third_place;  // of a private state
  };
  std::atomic<std::uint32_t> flags;  // relaxed, but for the lock

  [[nodiscard]] bool is_raced() const noexcept { return (flags.load(std::memory_order_relaxed) & kRaced) != 0; }
  [[nodiscard]] bool is_shared() const noexcept { return (flags.load(std::memory_order_relaxed) & kShared) != 0; }
  [[nodiscard]] bool is_private() const noexcept { return (flags.load(std::memory_order_relaxed) & kPrivate) != 0; }
  [[nodiscard]] bool is_wide() const noexcept { return (flags.load(std::memory_order_relaxed) & kWide) != 0; }
  // Of a private state that is not wide: the AccessWord of its other record, or 0. acquire: what is looked at after it,
  // to know whether that is what was read, is.
  [[nodiscard]] std::uint64_t second_word() const noexcept {
    // Nobody writes through it; atomic_ref<const> came later.
    return std::atomic_ref(const_cast<std::uint64_t&>(second)).load(std::memory_order_acquire);
  }
  // When a chain is this deep, look which of its records are superseded (chain_compaction.hpp).
  [[nodiscard]] std::uint32_t compact_at() const noexcept {
    return 1U << (flags.load(std::memory_order_relaxed) >> kCompactShift);
  }
  // Written by whoever gives the state to another granule, before it does.
  [[gnu::always_inline]] void mark_shared() noexcept {
    if (!is_shared()) flags.fetch_or(kShared, std::memory_order_relaxed);
  }
  // The same of a state that nobody else has seen.
  void make_shared() noexcept {
    flags.store(flags.load(std::memory_order_relaxed) | kShared, std::memory_order_relaxed);
  }
};
static_assert(sizeof(AccessNode) == 32);

inline constexpr std::uint32_t kPrivateBit = 1U << 31U;
constexpr bool is_private(StateId id) noexcept { return (static_cast<std::uint32_t>(id) & kPrivateBit) != 0; }
// Of a wide private state as well: who comes to change one with its lock in its node would else have to read the node
// first, and a line that another processor has changed is then fetched twice.
inline constexpr std::uint32_t kWideBit = 1U << 30U;
constexpr bool is_wide(StateId id) noexcept { return (static_cast<std::uint32_t>(id) & kWideBit) != 0; }
constexpr StateId without_bits(StateId id) noexcept {
  return StateId{static_cast<std::uint32_t>(id) & ~(kPrivateBit | kWideBit)};
}

inline constexpr std::uint32_t kMostStates = 1U << 28U;  // 8 GiB of address space

namespace detail {
extern constinit std::atomic<AccessNode*> state_nodes;
extern constinit std::atomic<std::uint64_t> states_made;

// Bits, one per number. Two kinds of marks, since the collector goes no further where it has been: what is below a
// state just made, it must still go to.
extern constinit std::atomic<std::uint64_t>* reached;  // the collector was there; written by it alone
extern constinit std::atomic<std::uint64_t>* born;     // made since marking began
extern constinit std::atomic<bool> marking;
extern constinit std::uint64_t* doomed;  // the collector's own: noted as garbage
}  // namespace detail
// Any number ever handed out may be looked at, at any time. Without those bits.
[[gnu::always_inline]] inline AccessNode& node_of(StateId id) noexcept {
  // relaxed: set before the first number exists.
  return detail::state_nodes.load(std::memory_order_relaxed)[static_cast<std::uint32_t>(id)];
}

// One thread's own free numbers.
class StateCache {
 public:
  constexpr StateCache() noexcept = default;
  // kUntouched: there are no more, ever.
  [[nodiscard, gnu::always_inline]] StateId take() noexcept {
    if (count_ == 0 && !refill()) [[unlikely]]
      return kUntouched;
    const StateId id = first_;
    first_ = node_of(id).older;
    --count_;
    __builtin_prefetch(&node_of(first_), 1);  // it was used long ago; of the last of all, any line
    return id;
  }
  // A number nobody else has seen.
  void give(StateId id) noexcept;
  // All go back to the pool.
  void empty() noexcept;

 private:
  // False: there are no more, ever.
  bool refill() noexcept;

  StateId first_ = kUntouched;
  std::uint32_t count_ = 0;
};

// While the collector marks, every state made counts as marked.
[[gnu::always_inline]] inline void mark_born(StateId id) noexcept {
  if (!detail::marking.load(std::memory_order_relaxed)) [[likely]]
    return;
  const auto number = static_cast<std::uint32_t>(id);
  detail::born[number / 64].fetch_or(std::uint64_t{1} << number % 64, std::memory_order_relaxed);
}

// The chain with one more record. kUntouched when there is no room.
[[gnu::always_inline]] inline StateId push_record(StateCache& cache, const AccessRecord& record,
                                                  StateId older) noexcept {
  const StateId id = cache.take();
  if (id == kUntouched) [[unlikely]]
    return id;
  AccessNode& node = node_of(id);
  node.place = record.place;
  node.older = older;
  std::uint32_t compact = AccessNode::kFewest;
  AccessNode::Chain chain{kUntouched, 1};
  StateId last_plain = kUntouched;
  if (older != kUntouched) {
    const AccessNode& below = node_of(older);
    compact = below.flags.load(std::memory_order_relaxed) >> AccessNode::kCompactShift;
    chain = {below.chain.last_write, below.chain.depth + 1};
    last_plain = below.last_plain;
  }
  node.flags.store(compact << AccessNode::kCompactShift | (record.raced ? AccessNode::kRaced : 0),
                   std::memory_order_relaxed);
  if (record.word.is_write()) chain.last_write = id;
  node.chain = chain;
  node.last_plain = record.word.is_atomic() ? last_plain : id;
  mark_born(id);
  node.word.store(record.word.bits(), std::memory_order_relaxed);
  return id;
}
// A chain that nobody has seen yet is to be looked through when it is twice as deep,
void set_next_compaction(StateId fresh) noexcept;
// and one that others see, when it is twice as deep as it was to be.
void put_off_compaction(StateId chain) noexcept;

bool prepare_states() noexcept;  // once; false: no address space

// ---- for collect.cpp ----
std::uint32_t states_bound() noexcept;  // every number handed out is below
// Ever; about right while others make more.
inline std::uint64_t states_made() noexcept { return detail::states_made.load(std::memory_order_relaxed); }
void begin_marking() noexcept;
// With or without those bits.
void mark_chain(StateId id) noexcept;
void end_marking() noexcept;
// Notes the numbers that are in use and not marked; calls visit(node) for those that are. Returns how many it noted.
template <class Visit>
std::uint32_t note_unmarked(Visit&& visit) noexcept {
  std::uint32_t noted = 0;
  const std::uint32_t bound = states_bound();
  for (std::uint32_t first = 0; first < bound; first += 64) {
    // In this order: a number is marked before it is in use.
    // acquire: pairs with the release that gave a wide state its number; its records are there.
    std::uint64_t used = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const bool is_used = node_of(StateId{first + i}).word.load(std::memory_order_acquire) != 0;
      used |= std::uint64_t{is_used} << i;
    }
    const std::uint64_t marks = detail::reached[first / 64].load(std::memory_order_relaxed) |
                                detail::born[first / 64].load(std::memory_order_relaxed);
    for (std::uint64_t left = used & marks; left != 0; left &= left - 1) {
      const AccessNode& node = node_of(StateId{first + static_cast<std::uint32_t>(std::countr_zero(left))});
      // Who made it may have given it back meanwhile, unseen by others.
      if (node.word.load(std::memory_order_acquire) != 0) visit(node);
    }
    const std::uint64_t unmarked = used & ~marks;
    noted += static_cast<std::uint32_t>(std::popcount(unmarked));
    detail::doomed[first / 64] = unmarked;
  }
  return noted;
}
// What was noted is free. Nobody may be looking at it any more. below: states_bound() when it was noted, or less.
void give_back_noted(std::uint32_t below) noexcept;

}  // namespace vigil::shim::race
