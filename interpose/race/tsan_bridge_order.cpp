#include "interpose/race/tsan_bridge_order.hpp"

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/race/tsan_bridge_runtime.hpp"

namespace vigil::shim::race::bridge {

struct alignas(16) Ticket {
  std::uint8_t clock[8] = {};  // its address is what counts
  std::atomic<std::uint32_t> references{1};
  Ticket* next_free = nullptr;
};

namespace {

constexpr int kRelease = 3;  // memory_order of the ABI

// Tickets are used again and never given back: the runtime keeps a clock for each address it was told of.
constinit FutexLock free_lock;
constinit Ticket* free_tickets = nullptr;

Ticket* new_ticket() noexcept {
  free_lock.lock();
  Ticket* const found = free_tickets;
  if (found != nullptr) free_tickets = found->next_free;
  free_lock.unlock();
  if (found == nullptr) return own_new<Ticket>();
  found->references.store(1, std::memory_order_relaxed);  // nobody else has it
  return found;
}

bool runs_here(const ToldClock& actor) noexcept { return &current_actor().clocks.told == &actor; }

// What the actor knows now.
TicketRef moment_of(ToldClock& actor) noexcept {
  if (runs_here(actor)) return ticket_of_now();
  const ToldActor* const part = actor.known();
  return part != nullptr ? part->parked : TicketRef();
}

void learn(ToldClock& actor, const TicketRef& ticket) noexcept {
  if (!ticket) return;
  if (runs_here(actor)) return ticket.acquire();
  actor.part().inbox.push_back(ticket);
}

template <class Visit>
void each(const ToldPoint& point, Visit&& visit) noexcept {
  const ToldMoments* const known = point.known();
  if (known == nullptr) return;
  for (const TicketRef& moment : known->moments) visit(moment);
  if (known->collected) visit(known->collected);
}

void set(ToldPoint& point, TicketRef moment) noexcept {
  ToldMoments& body = point.part();
  body.collected = TicketRef();
  body.moments.clear();
  if (moment) body.moments.push_back(std::move(moment));
}

}  // namespace

TicketRef::TicketRef(const TicketRef& other) noexcept : ticket_(other.ticket_) {
  // relaxed: whoever has a reference keeps the ticket alive.
  if (ticket_ != nullptr) ticket_->references.fetch_add(1, std::memory_order_relaxed);
}

TicketRef::~TicketRef() {
  // acq_rel: what its other users did with it is over before it is somebody else's.
  if (ticket_ == nullptr || ticket_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  free_lock.lock();
  ticket_->next_free = free_tickets;
  free_tickets = ticket_;
  free_lock.unlock();
}

// acquire: who gave his reference back has done with it.
bool TicketRef::is_only() const noexcept { return ticket_->references.load(std::memory_order_acquire) == 1; }
void TicketRef::acquire() const noexcept {
  if (can_tell()) tsan().acquire(ticket_->clock);
}
void TicketRef::store() const noexcept {
  if (can_tell()) tsan().atomic8_store(ticket_->clock, 0, kRelease);
}
void TicketRef::merge() const noexcept {
  if (can_tell()) tsan().release(ticket_->clock);
}

TicketRef ticket_of_now() noexcept {
  TicketRef ticket(new_ticket());
  ticket.store();
  return ticket;
}

void acquire(ToldClock& actor, const ToldPoint& point) noexcept {
  each(point, [&](const TicketRef& ticket) { learn(actor, ticket); });
}

void release_store(ToldClock& actor, ToldPoint& point) noexcept {
  ToldMoments& body = point.part();
  const bool fits = !body.collected && body.moments.size() == 1 && body.moments[0].is_only();
  if (fits && runs_here(actor)) return body.moments[0].store();
  set(point, moment_of(actor));
}

void release_merge(ToldClock& actor, ToldPoint& point) noexcept {
  ToldMoments& body = point.part();
  if (!runs_here(actor)) {
    if (TicketRef moment = moment_of(actor)) body.moments.push_back(std::move(moment));
  } else if (body.collected) {
    body.collected.merge();
  } else {
    body.collected = ticket_of_now();
  }
}

void merge(ToldPoint& into, const ToldPoint& from) noexcept {
  ToldMoments& body = into.part();
  each(from, [&](const TicketRef& ticket) { body.moments.push_back(ticket); });
}

void exchange(ToldClock& actor, ToldPoint& point) noexcept {
  TicketRef before = moment_of(actor);
  acquire(actor, point);
  set(point, std::move(before));
}

void meet(ToldClock& one, ToldClock& other) noexcept {
  const TicketRef first = moment_of(one);
  const TicketRef second = moment_of(other);
  learn(one, second);
  learn(other, first);
}

void parks(ToldClock& actor) noexcept {
  TicketRef& parked = actor.part().parked;
  if (parked && parked.is_only()) return parked.store();
  parked = ticket_of_now();
}

void resumes(ToldClock& actor) noexcept {
  ToldActor* const part = actor.known();
  if (part == nullptr) return;
  for (const TicketRef& ticket : part->inbox) ticket.acquire();
  part->inbox.clear();
}

}  // namespace vigil::shim::race::bridge
