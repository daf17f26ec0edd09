#include "interpose/order.hpp"

#include "interpose/current.hpp"

namespace vigil::shim::order {

namespace detail {
constinit std::atomic<std::uint8_t> needs{0};
thread_local constinit std::uint64_t asked = 0;
}  // namespace detail

namespace {

race::ActorClock& started(race::ActorClock& clock) noexcept {
  if (!clock.started()) race::start(clock);
  return clock;
}

}  // namespace

void want(Need need) noexcept {
  ++detail::asked;
  // acquire: pairs with the release below; who is told that the order is kept finds the quick ways closed.
  if ((detail::needs.load(std::memory_order_acquire) & need) != 0) return;
  if ((need & (kWhole | kTold)) != 0) {
    vigil::shim::detail::detours.fetch_or(vigil::shim::detail::kOrderIsKept, std::memory_order_relaxed);
  }
  detail::needs.fetch_or(need, std::memory_order_release);
}

race::ActorClock& whole(Clocks& actor) noexcept { return started(actor.whole); }
race::ActorClock& firm(Clocks& actor) noexcept { return started(actor.firm.part()); }

void spawn(Clocks& child, Clocks& parent) noexcept {
  const std::uint8_t need = needs();
  if ((need & kWhole) != 0) race::start(child.whole, whole(parent));
  if ((need & kFirm) != 0) race::start(child.firm.part(), firm(parent));
}

void end(Clocks& actor) noexcept {
  if (actor.whole.started()) race::end(actor.whole);
  if (actor.firm.known() != nullptr && actor.firm.known()->started()) race::end(actor.firm.part());
}

void acquire(Clocks& actor, const Point& point, Edge edge) noexcept {
  const std::uint8_t need = needs(edge);
  if ((need & kWhole) != 0) race::acquire(whole(actor), point.whole);
  if ((need & kFirm) != 0 && point.firm.known() != nullptr) race::acquire(firm(actor), *point.firm.known());
  if ((need & kTold) != 0) race::bridge::acquire(actor.told, point.told);
}

void release_store(Clocks& actor, Point& point, Edge edge) noexcept {
  const std::uint8_t need = needs(edge);
  if ((need & kWhole) != 0) race::release_store(whole(actor), point.whole);
  if ((need & kFirm) != 0) race::release_store(firm(actor), point.firm.part());
  if ((need & kTold) != 0) race::bridge::release_store(actor.told, point.told);
}

void release_merge(Clocks& actor, Point& point, Edge edge) noexcept {
  const std::uint8_t need = needs(edge);
  if ((need & kWhole) != 0) race::release_merge(whole(actor), point.whole);
  if ((need & kFirm) != 0) race::release_merge(firm(actor), point.firm.part());
  if ((need & kTold) != 0) race::bridge::release_merge(actor.told, point.told);
}

void acquire_and_release(Clocks& actor, Point& point) noexcept {
  if (needs() == kWhole) return race::acquire_and_release(whole(actor), point.whole);
  acquire(actor, point);
  release_merge(actor, point);
}

void merge(Point& point, const Point& other) noexcept {
  const std::uint8_t need = needs();
  if ((need & kWhole) != 0) race::merge(point.whole, other.whole);
  if ((need & kFirm) != 0 && other.firm.known() != nullptr) race::merge(point.firm.part(), *other.firm.known());
  if ((need & kTold) != 0) race::bridge::merge(point.told, other.told);
}

bool knows_all(Clocks& actor, const Point& point) noexcept {
  const std::uint8_t need = needs();
  return ((need & kWhole) == 0 || race::knows_all(whole(actor), point.whole)) &&
         ((need & kFirm) == 0 || point.firm.known() == nullptr || race::knows_all(firm(actor), *point.firm.known()));
}

void exchange(Clocks& actor, Point& point) noexcept {
  const std::uint8_t need = needs();
  if (need == kWhole) [[likely]]
    return race::release_store_acquire(whole(actor), point.whole);
  if ((need & kWhole) != 0) race::release_store_acquire(whole(actor), point.whole);
  if ((need & kFirm) != 0) race::release_store_acquire(firm(actor), point.firm.part());
  if ((need & kTold) != 0) race::bridge::exchange(actor.told, point.told);
}

void meet(Clocks& one, Clocks& other) noexcept {
  const std::uint8_t need = needs();
  if (need == kWhole) [[likely]]
    return race::meet(whole(one), whole(other));
  if ((need & kWhole) != 0) race::meet(whole(one), whole(other));
  if ((need & kFirm) != 0) race::meet(firm(one), firm(other));
  if ((need & kTold) != 0) race::bridge::meet(one.told, other.told);
}

}  // namespace vigil::shim::order
