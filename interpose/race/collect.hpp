// The collector: finds the states and clock slots that the shadow holds no more, while the program runs on.
//
//   1  Every thread's moves are void from now on, and what is made from now on counts as reached. Wait until no thread
//      is still between an enter() and a leave() from before.
//   2  Mark what the shadow's cells lead to. A cell that changes after it was looked at gets a state whose records are
//      made since 1, or were in the cell before: moves made earlier are void.
//   3  What was not marked is garbage: no cell has it, and none will. A thread may still be looking at it, having come
//      from a cell that has changed, or have noted a move from it: void all moves and wait for those inside again. Then
//      clear every thread's covered entries, and the
//      numbers are free.
//
// Nobody stops for it but a thread on its way into the slow path, and only for its turn of the processor. The price of
// "is anybody inside" is the collector's: membarrier() instead of a fence at every access.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/race/access_states.hpp"

namespace vigil::shim::race {

namespace detail {
extern constinit std::atomic<std::uint32_t> collector_round;
extern constinit std::atomic<std::uint64_t> collect_when_made;
}  // namespace detail

// A thread that enters and has not seen this round yet drops its moves.
inline std::uint32_t collector_round() noexcept { return detail::collector_round.load(std::memory_order_relaxed); }

void prepare_collector() noexcept;  // once, before the first state
// Cheap unless enough was made since the last time. Not between enter() and leave().
void collect() noexcept;
inline void collect_if_due() noexcept {
  if (states_made() >= detail::collect_when_made.load(std::memory_order_relaxed)) [[unlikely]]
    collect();
}
void collect_now() noexcept;  // for tests
void collector_forked() noexcept;

struct CollectorStatistics {
  std::uint64_t rounds = 0;
  std::uint64_t reached = 0;  // states reached at the last round
  std::uint64_t freed = 0;    // states freed ever
};
CollectorStatistics collector_statistics() noexcept;

}  // namespace vigil::shim::race
