// What the ThreadSanitizer runtime is told of vigil's own edges.
//
// Its interface knows two verbs of the actor that runs: acquire and release. vigil's edges are richer (a channel's slot
// exchanges clocks, a sender acts for a parked receiver), so each is taken apart:
//   - A ticket is one moment of one actor: an address into which the runtime stored that actor's clock, once. A ticket
//     can be handed about without anybody acquiring it.
//   - A point (what a lock, a slot, a wait group carries) is a few tickets, and one address that collects.
//   - An actor that parks leaves a ticket, which stands for it while others act for it; what they teach it lies in its
//     inbox, and is acquired when it runs again.
// So no edge is more, and none less, than order.hpp says.
//
// Threads: as there: a clock belongs to whoever runs the actor or acts for it; a point is used under its own lock.
#pragma once

#include <utility>

#include "interpose/on_demand.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::race::bridge {

struct Ticket;

// A counted reference.
class TicketRef {
 public:
  constexpr TicketRef() noexcept = default;
  explicit TicketRef(Ticket* counted) noexcept : ticket_(counted) {}
  TicketRef(const TicketRef& other) noexcept;
  TicketRef(TicketRef&& other) noexcept : ticket_(std::exchange(other.ticket_, nullptr)) {}
  TicketRef& operator=(TicketRef other) noexcept {
    std::swap(ticket_, other.ticket_);
    return *this;
  }
  ~TicketRef();
  explicit operator bool() const noexcept { return ticket_ != nullptr; }
  [[nodiscard]] bool is_only() const noexcept;
  void acquire() const noexcept;
  // Stores the running actor's clock in place of what it held; merges it in.
  void store() const noexcept;
  void merge() const noexcept;

 private:
  Ticket* ticket_ = nullptr;
};
// A new moment of the actor that runs here.
TicketRef ticket_of_now() noexcept;

// An actor's part.
struct ToldActor {
  void* fiber = nullptr;       // tasks that are followed
  bool is_unseen = false;      // a task beyond those that the runtime can follow
  TicketRef parked;            // as it last parked
  OwnVector<TicketRef> inbox;  // to be acquired when it runs
};
using ToldClock = OnDemand<ToldActor>;

// A primitive's part.
struct ToldMoments {
  OwnVector<TicketRef> moments;
  TicketRef collected;
};
using ToldPoint = OnDemand<ToldMoments>;

void acquire(ToldClock& actor, const ToldPoint& point) noexcept;
void release_store(ToldClock& actor, ToldPoint& point) noexcept;
void release_merge(ToldClock& actor, ToldPoint& point) noexcept;
void merge(ToldPoint& into, const ToldPoint& from) noexcept;
void exchange(ToldClock& actor, ToldPoint& point) noexcept;
void meet(ToldClock& one, ToldClock& other) noexcept;

// The actor that runs here is about to park: others may act for it from now on. And it runs again.
void parks(ToldClock& actor) noexcept;
void resumes(ToldClock& actor) noexcept;

}  // namespace vigil::shim::race::bridge
