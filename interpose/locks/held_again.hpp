// Held again: what every quick way of taking and giving back a lock has in common (quick_locks.hpp, on_probe_lock.cpp).
//
// Demands that nothing of the shim runs on this thread. What may run is kept out as record() does: a signal handler
// that enters finds inside_shim set. Nothing here touches errno.
//
// Why few stores: a locked instruction, which every lock and unlock is, waits until all stores before it have left the
// processor. So what a slot of HeldLocks and the lock's record say already is compared and not written again.
#pragma once

#include "interpose/current.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/recent_stacks.hpp"

namespace vigil::shim::locks {

// InsideGuard for code without calls: the compiler keeps what it guards between its ends, and that is enough for a
// handler on this thread.
class QuickGuard {
 public:
  QuickGuard() noexcept {
    inside_shim = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~QuickGuard() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    inside_shim = false;
  }
  QuickGuard(const QuickGuard&) = delete;
  QuickGuard& operator=(const QuickGuard&) = delete;
};

// Where a wrapper was called: the place of its own return address, and the address.
struct CalledFrom {
  std::uintptr_t stack_pointer;
  std::uintptr_t first_return;
};
// Given where the return address lies.
inline CalledFrom called_from(std::uintptr_t stack_pointer) noexcept {
  return {stack_pointer, *reinterpret_cast<const std::uintptr_t*>(stack_pointer)};
}
// Of the function that this becomes a part of.
[[gnu::always_inline]] inline CalledFrom called_from() noexcept {
  // The word below its frame is the return address.
  return {reinterpret_cast<std::uintptr_t>(__builtin_dwarf_cfa()) - sizeof(std::uintptr_t),
          reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))};
}

// Who acts, unless the quick ways are closed for one of those reasons, the shim runs on this thread, or it does not
// know the thread yet: then null.
[[gnu::always_inline]] inline Actor* quick_actor(std::uint8_t reasons) noexcept {
  if ((vigil::shim::detail::detours.load(std::memory_order_acquire) & reasons) != 0 || inside_shim) [[unlikely]]
    return nullptr;
  if (vigil::shim::detail::running != nullptr) [[unlikely]]
    return vigil::shim::detail::running;
  return vigil::shim::detail::own_thread;
}

// The stack that stands there, if this thread remembers it; null: it does not.
[[gnu::always_inline]] inline const RecentStacks::Entry* standing_stack(StackPlace place,
                                                                        std::uintptr_t first_return) noexcept {
  RecentStacks* const recent = vigil::shim::detail::recent;
  return recent == nullptr ? nullptr : recent->find(place, first_return, modules_generation());
}

// Whether the order of locks has learned already that what lies in the slot is taken on top of what is held.
[[gnu::always_inline]] inline bool is_told(Actor& actor, const HeldLock& slot) noexcept {
  const race::ActorClock* const firm = actor.clocks.firm.known();
  if (firm == nullptr || slot.told_at != *firm->epoch_word() || slot.over != actor.held.youngest().serial) return false;
  // One that somebody else gave back is no gate any more.
  return actor.held.all_are([](const HeldLock& held) { return held.object->is_held_as(held.acquisition); });
}

// Whether an entry, or what was one, is of that lock.
[[gnu::always_inline]] inline bool is_of(const HeldLock& held, LockFamily family, const volatile void* address,
                                         LockMode mode) noexcept {
  const LockObject* const lock = held.object;
  // relaxed: see remembered_lock(). The record may be another lock's by now.
  return lock != nullptr &&
         __atomic_load_n(&lock->address, __ATOMIC_RELAXED) == reinterpret_cast<std::uintptr_t>(address) &&
         static_cast<LockId>(lock->id) == held.lock && held.mode == mode && lock->family == family;
}

// The lock at that address, when the actor held it last on top of what it holds, or this thread remembers it; else
// null.
[[gnu::always_inline]] inline LockObject* near_lock(Actor& actor, LockFamily family, const void* address) noexcept {
  LockObject* const last = actor.held.next().object;
  const bool is_last = last != nullptr && last->family == family &&
                       __atomic_load_n(&last->address, __ATOMIC_RELAXED) == reinterpret_cast<std::uintptr_t>(address);
  return is_last ? last : remembered_lock(family, address);
}

// It was taken, exclusively, at that place. When that is what the actor held last on top of what it holds, taken there,
// nobody else had it since, and the order of locks has nothing to learn, then all of its record is as it was but for
// the number, which is one step further. False: it is not so.
[[gnu::always_inline]] inline bool holds_again(Actor& actor, LockObject& lock, StackId stack) noexcept {
  const HeldLock& last = actor.held.next();
  if (last.lock != static_cast<LockId>(lock.id) || last.taken_at != stack || last.mode != LockMode::Exclusive ||
      lock.acquisition.load(std::memory_order_relaxed) != last.acquisition + 1) [[unlikely]]
    return false;
  if (!actor.held.empty()) [[unlikely]] {  // not where few instructions are a share of the whole
    if (!is_told(actor, last)) return false;
  }
  lock.acquisition.store(last.acquisition, std::memory_order_relaxed);
  actor.held.add_next();
  return true;
}
// The same of one that was taken for reading.
[[gnu::always_inline]] inline bool reads_again(Actor& actor, const LockObject& lock, StackId stack) noexcept {
  const HeldLock& last = actor.held.next();
  if (last.lock != static_cast<LockId>(lock.id) || last.taken_at != stack || last.mode != LockMode::Shared) [[unlikely]]
    return false;
  if (!actor.held.empty()) [[unlikely]] {
    if (!is_told(actor, last)) return false;
  }
  actor.held.add_next();
  return true;
}

// Whether the actor holds that lock, taken last of all that it holds.
[[gnu::always_inline]] inline bool holds_youngest(Actor& actor, LockFamily family, const volatile void* address,
                                                  LockMode mode) noexcept {
  if (actor.held.empty()) [[unlikely]]
    return false;
  const HeldLock& held = actor.held.youngest();
  return is_of(held, family, address, mode) && held.object->is_held_as(held.acquisition);
}
// That one is given back. Demands holds_youngest(), exclusively.
[[gnu::always_inline]] inline void gives_youngest_back(Actor& actor) noexcept {
  const HeldLock& held = actor.held.youngest();
  held.object->acquisition.store(held.acquisition + 1, std::memory_order_relaxed);
  actor.held.remove_youngest();
}

}  // namespace vigil::shim::locks
