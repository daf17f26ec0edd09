// Sync events: the edges of pthread's objects, for the wrappers. Each passes through record() and costs next to nothing
// while no order is wanted. Record a release before the real call, an acquire after it.
#pragma once

#include "interpose/lifecycle.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"
#include "interpose/threads.hpp"

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

// A lock held by one.
inline void locked(const volatile void* lock) noexcept {
  detail::step(lock, order::Edge::Lock, [](order::Clocks& actor, SyncObject& object) {
    order::acquire(actor, object.written, order::Edge::Lock);
    order::acquire(actor, object.read, order::Edge::Lock);
  });
}
inline void unlocking(const volatile void* lock) noexcept {
  detail::step(lock, order::Edge::Lock, [](order::Clocks& actor, SyncObject& object) {
    order::release_store(actor, object.written, order::Edge::Lock);
  });
}
// A lock held by many: readers are ordered with writers, not with each other. Who unlocks a read-write lock does not
// say as what; whoever had it for writing was alone, so the merge is right for both.
inline void read_locked(const volatile void* lock) noexcept {
  detail::step(lock, order::Edge::Lock, [](order::Clocks& actor, SyncObject& object) {
    order::acquire(actor, object.written, order::Edge::Lock);
  });
}
inline void read_unlocking(const volatile void* lock) noexcept {
  detail::step(lock, order::Edge::Lock, [](order::Clocks& actor, SyncObject& object) {
    order::release_merge(actor, object.read, order::Edge::Lock);
  });
}
// Anything that one posts and another waits for.
inline void released(const volatile void* object) noexcept {
  detail::step(object, order::Edge::Firm,
               [](order::Clocks& actor, SyncObject& known) { order::release_merge(actor, known.written); });
}
inline void acquired(const volatile void* object) noexcept {
  detail::step(object, order::Edge::Firm,
               [](order::Clocks& actor, SyncObject& known) { order::acquire(actor, known.written); });
}
inline void destroyed(const volatile void* object) noexcept {
  if (order::needs() != 0) record([&] { sync_objects().drop(const_cast<const void*>(object)); });
}

}  // namespace vigil::shim::sync_events
