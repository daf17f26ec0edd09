// What locks that other processes may hold order: they may lie at two addresses of this one, too (shared_memory.hpp).
#pragma once

#include "interpose/locks/glibc_locks.hpp"
#include "interpose/sync_events.hpp"

namespace vigil::shim::locks {

// After it was taken; before it is given back.
template <class Object>
void took_shared(const Object* lock) noexcept {
  if (glibc::is_shared(lock)) sync_events::acquired_shared(lock, order::Edge::Lock);
}
template <class Object>
void gives_shared_back(const Object* lock) noexcept {
  if (glibc::is_shared(lock)) sync_events::released_shared(lock, order::Edge::Lock);
}

}  // namespace vigil::shim::locks
