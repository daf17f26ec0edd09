// Sync events: the edges of pthread's objects other than locks, for the wrappers. Each passes through record() and
// costs next to nothing while no order is wanted. Record a release before the real call, an acquire after it.
#pragma once

#include <cstdint>

#include "interpose/lifecycle.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"
#include "interpose/shared_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim {

// By which a wait names the object it is for.
inline std::uintptr_t address_of(const void* object) noexcept { return reinterpret_cast<std::uintptr_t>(object); }

}  // namespace vigil::shim

namespace vigil::shim::sync_events {

// Whether a wrapper has anything to do besides forwarding.
inline bool watching() noexcept { return is_concurrent() && !inside_shim; }

namespace detail {
template <class Step>
void step(const volatile void* object, order::Edge edge, Step&& with) noexcept {
  if (order::needs(edge) == 0) return;
  record([&] {
    SyncObject& known = sync_objects().at(const_cast<const void*>(object));
    known.lock.lock();
    with(current_actor().clocks, known);
    known.lock.unlock();
  });
}
}  // namespace detail

// Anything that one posts and another waits for.
inline void released(const volatile void* object, order::Edge edge = order::Edge::Firm) noexcept {
  detail::step(object, edge,
               [edge](order::Clocks& actor, SyncObject& known) { order::release_merge(actor, known.written, edge); });
}
inline void acquired(const volatile void* object, order::Edge edge = order::Edge::Firm) noexcept {
  detail::step(object, edge,
               [edge](order::Clocks& actor, SyncObject& known) { order::acquire(actor, known.written, edge); });
}
// The same of what may lie in memory that is mapped at several addresses: by what it is, besides by where it lies.
inline void released_shared(const volatile void* object, order::Edge edge = order::Edge::Firm) noexcept {
  if (const void* const identity = shared_memory::identity_of(object)) released(identity, edge);
}
inline void acquired_shared(const volatile void* object, order::Edge edge = order::Edge::Firm) noexcept {
  if (const void* const identity = shared_memory::identity_of(object)) acquired(identity, edge);
}
// A condition: its lock orders the data; that who waited goes on after who notified is for the order of locks.
inline void notified(const volatile void* condition) noexcept {
  detail::step(condition, order::Edge::Hint, [](order::Clocks& actor, SyncObject& known) {
    order::release_merge(actor, known.written, order::Edge::Hint);
  });
}
inline void woken(const volatile void* condition) noexcept {
  detail::step(condition, order::Edge::Hint, [](order::Clocks& actor, SyncObject& known) {
    order::acquire(actor, known.written, order::Edge::Hint);
  });
}
inline void destroyed(const volatile void* object) noexcept {
  if (order::needs() != 0) record([&] { sync_objects().drop(const_cast<const void*>(object)); });
}

}  // namespace vigil::shim::sync_events
