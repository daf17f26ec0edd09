// Finding the record of a lock by its address: fast, for it happens at every lock and unlock.
//
// Each thread remembers the records it used last. A record is never unmapped, and one that was given up has no address
// any more (objects.cpp), so a glance at the record tells whether what is remembered still holds.
#pragma once

#include <array>
#include <cstdint>

#include "interpose/objects.hpp"

namespace vigil::shim::locks {

namespace detail {
inline constexpr std::size_t kRemembered = 64;  // pointers
extern thread_local constinit std::array<LockObject*, kRemembered> remembered_locks
    __attribute__((tls_model("initial-exec")));
LockObject& find_lock_slow(LockFamily family, const void* address) noexcept;
}  // namespace detail

// What this thread used last under that address; null: nobody knows without looking further.
inline LockObject* remembered_lock(LockFamily family, const void* address) noexcept {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  LockObject* const place = detail::remembered_locks[(number * 0x9e3779b97f4a7c15ULL) >> 58U];
  // relaxed: equal says all; whoever uses a lock that is being destroyed has no right answer to get.
  const bool is_it = place != nullptr && __atomic_load_n(&place->address, __ATOMIC_RELAXED) == number;
  return is_it && place->family == family ? place : nullptr;
}

// Known already, or made here: with the place of its creation when that was told (born()), else of this first use.
inline LockObject& find_lock(LockFamily family, const void* address) noexcept {
  if (LockObject* const known = remembered_lock(family, address)) [[likely]]
    return *known;
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  LockObject*& place = detail::remembered_locks[(number * 0x9e3779b97f4a7c15ULL) >> 58U];
  place = &detail::find_lock_slow(family, address);
  return *place;
}

// A lock begins its life at that address, created by who calls; another that was there is gone.
void born(const void* address) noexcept;
// The lock at that address, if one is known, goes.
void gone(const void* address) noexcept;
// Whether a lock may lie in [low, high): a few loads.
bool may_hold_locks(std::uintptr_t low, std::uintptr_t high) noexcept;
// Makes free() tell memory_gone() from now on (wrap_malloc.cpp; not there in unit tests).
[[gnu::weak]] void watch_frees() noexcept;
// Every lock in [low, high) goes: the memory is given back. Cheap when there is none. going: told of each before.
void memory_gone(std::uintptr_t low, std::uintptr_t high, void (*going)(const LockObject&) = nullptr) noexcept;

}  // namespace vigil::shim::locks
