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
//   I3  No two records of one state have an epoch, a place and a sort (write, atomic) in common.
// Numbers of states nobody can reach are found by collect.hpp. Number 0 is the state of memory never accessed.
#pragma once

#include <atomic>
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

struct AccessNode {
  std::atomic<std::uint64_t> word;  // 0: this number is free. relaxed: who reaches a node by its number sees it whole
  PlaceId place;
  StateId older;           // the rest of the chain; of a free number: the next free one
  StateId last_write;      // the newest write in this chain, itself included
  std::uint32_t depth;     // records in this chain
  std::uint32_t prune_at;  // when it is this deep, look which reads are superseded
  std::uint32_t raced;     // of this record; 0 or 1
};
static_assert(sizeof(AccessNode) == 32);

inline constexpr std::uint32_t kMostStates = 1U << 28U;  // 8 GiB of address space

namespace detail {
extern constinit std::atomic<AccessNode*> state_nodes;
}
// Any number ever handed out may be looked at, at any time.
inline AccessNode& node_of(StateId id) noexcept {
  // relaxed: set before the first number exists.
  return detail::state_nodes.load(std::memory_order_relaxed)[static_cast<std::uint32_t>(id)];
}

// One thread's own free numbers.
class StateCache {
 public:
  constexpr StateCache() noexcept = default;
  // kUntouched: there are no more, ever.
  StateId take() noexcept;
  // A number nobody else has seen.
  void give(StateId id) noexcept;
  // All go back to the pool.
  void empty() noexcept;

 private:
  StateId first_ = kUntouched;
  std::uint32_t count_ = 0;
};

// The chain with one more record. kUntouched when there is no room.
StateId push_record(StateCache& cache, const AccessRecord& record, StateId older) noexcept;

bool prepare_states() noexcept;  // once; false: no address space

// ---- for collect.cpp ----
std::uint32_t states_bound() noexcept;  // every number handed out is below
std::uint64_t states_made() noexcept;   // ever; about right while others make more
// While marking is on, every state made counts as marked.
void begin_marking() noexcept;
bool is_marked(StateId id) noexcept;
void mark_chain(StateId id) noexcept;
void end_marking() noexcept;
// first to last are linked by `older`; nobody can reach them.
void give_back_states(StateId first, StateId last, std::uint32_t count) noexcept;

}  // namespace vigil::shim::race
