// Order: which events of which actors happen before which, as far as somebody asks.
//
// Two orders are kept, each with clocks of its own (race/vector_clock.hpp):
//   - the whole order, with every edge of docs/memory_model.md: two accesses are compared in it;
//   - the firm order, without the edges of locks: two nested lockings are compared in it. That a lock was free again
//     before somebody took it is this schedule's doing; that a task was started, joined or sent something is not.
//
// Under the ThreadSanitizer runtime (race/tsan_bridge.hpp) that one keeps the whole order for races, and is told every
// edge of it.
//
// Neither is kept before it is needed: an edge matters only to an event that came before it. The first Traced<T> wants
// the whole order, the first nested locking the firm one; an actor or a point without a clock knows nothing, which is
// what it would know of events since then.
//
// Nobody hands anything on without asking first whether an order is needed. So who has asked nothing since some moment
// (moment()) has told nobody of it, and an order that is wanted now is whole for what came after it.
//
// Threads: an actor's clocks belong to whoever runs the actor, or acts for it while it is parked. A Point is used under
// the lock of its primitive or under one of ours.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/on_demand.hpp"
#include "interpose/race/tsan_bridge_order.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::order {

enum Need : std::uint8_t {
  kWhole = 1,
  kFirm = 2,
  kTold = 4,  // the ThreadSanitizer runtime wants to hear of the whole order
};

// What one actor knows. A part that is not wanted yet is not started.
struct Clocks {
  race::ActorClock whole;
  OnDemand<race::ActorClock> firm;
  race::bridge::ToldClock told;
};

// What a primitive carries from one actor to the next.
struct Point {
  race::SyncClock whole;
  OnDemand<race::SyncClock> firm;
  race::bridge::ToldPoint told;
};

// Which edges a primitive makes.
enum class Edge : std::uint8_t {
  Firm,  // in both orders
  Lock,  // in the whole order only
  Hint,  // in the firm order only: it may be that nothing was ordered, but then two lockings may never meet either
};

namespace detail {
// relaxed everywhere: an event that wants an order raises its need before the program goes on, so whoever learns
// of that event by the program's own synchronisation sees the need too.
extern constinit std::atomic<std::uint8_t> needs;
// How often needs() was asked on this thread, or another actor came to run on it.
extern thread_local constinit std::uint64_t asked __attribute__((tls_model("initial-exec")));
}  // namespace detail

[[gnu::always_inline]] inline std::uint8_t needs() noexcept {
  ++detail::asked;
  return detail::needs.load(std::memory_order_relaxed);
}
inline std::uint8_t needs(Edge edge) noexcept {
  if (edge == Edge::Firm) return needs();
  return static_cast<std::uint8_t>(needs() & (edge == Edge::Lock ? kWhole | kTold : kFirm));
}
// What an edge of that kind is needed for, asked by who only takes: nothing is handed on.
inline std::uint8_t needs_to_take(Edge edge) noexcept {
  const std::uint8_t of_edge = edge == Edge::Lock ? kWhole | kTold : edge == Edge::Hint ? kFirm : UINT8_MAX;
  return detail::needs.load(std::memory_order_relaxed) & of_edge;
}
void want(Need need) noexcept;

// As long as it is the same, the actor that runs has handed nothing on. The default is never now.
struct Moment {
  const std::uint64_t* thread = nullptr;  // only compared: the thread may be gone
  std::uint64_t asked = 0;
  friend constexpr bool operator==(const Moment&, const Moment&) noexcept = default;
};
inline Moment moment() noexcept { return {.thread = &detail::asked, .asked = detail::asked}; }
// The running actor gives its thread away, or lets others act for it.
inline void moment_over() noexcept { ++detail::asked; }

// The clocks of that actor, started if they were not. Demands that the order is wanted.
race::ActorClock& whole(Clocks& actor) noexcept;
race::ActorClock& firm(Clocks& actor) noexcept;

void spawn(Clocks& child, Clocks& parent) noexcept;
void end(Clocks& actor) noexcept;
void acquire(Clocks& actor, const Point& point, Edge edge = Edge::Firm) noexcept;
// The point knows what the actor knows, and nothing else.
void release_store(Clocks& actor, Point& point, Edge edge = Edge::Firm) noexcept;
// The point knows what the actor knows besides what it knew.
void release_merge(Clocks& actor, Point& point, Edge edge = Edge::Firm) noexcept;
// acquire() and release_merge() in one.
void acquire_and_release(Clocks& actor, Point& point) noexcept;
// The point also knows what the other does.
void merge(Point& point, const Point& other) noexcept;
// Whether an acquire would teach the actor nothing. false may be wrong, true is not.
bool knows_all(Clocks& actor, const Point& point) noexcept;
// One step of a channel's slot: each gets what the other knew.
void exchange(Clocks& actor, Point& point) noexcept;
void meet(Clocks& one, Clocks& other) noexcept;

}  // namespace vigil::shim::order
