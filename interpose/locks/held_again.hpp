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

// InsideGuard for code that nobody leaves but at its end: the compiler keeps what it guards between its ends, and that
// is enough for a handler on this thread.
[[gnu::always_inline]] inline void enter_shim() noexcept {
  inside_shim = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
[[gnu::always_inline]] inline void leave_shim() noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  inside_shim = false;
}
class QuickGuard {
 public:
  QuickGuard() noexcept { enter_shim(); }
  ~QuickGuard() { leave_shim(); }
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
  return vigil::shim::detail::lane.acting;
}

// The stack that stands there, if this thread remembers it; null: it does not.
[[gnu::always_inline]] inline const RecentStacks::Entry* standing_stack(StackPlace place,
                                                                        std::uintptr_t first_return) noexcept {
  RecentStacks* const recent = vigil::shim::detail::lane.recent;
  return recent == nullptr ? nullptr : recent->find(place, first_return, modules_generation());
}

// The same, and where it is remembered.
[[gnu::always_inline]] inline TakenAt taken_at(const RecentStacks::Entry& standing) noexcept {
  return {.stack = standing.stack, .recent = vigil::shim::detail::lane.recent->bytes_to(standing)};
}

// Whether the order of locks has learned already that what lies in the slot is taken on top of what is held.
[[gnu::always_inline]] inline bool is_told(Actor& actor, const HeldLock& slot) noexcept {
  const race::ActorClock* const firm = actor.clocks.firm.known();
  if (firm == nullptr || slot.told_at != *firm->epoch_word() || slot.over != actor.held.youngest().serial) return false;
  // One that somebody else gave back is no gate any more.
  return actor.held.all_are([](const HeldLock& held) { return held.object->is_held_as(held.acquisition); });
}

// Whether the actor would do again what the slot says, which is what it did last on top of what it holds: the same lock
// in the same way, at that place. Demands that nothing else of the shim runs on this thread until that is done.
[[gnu::always_inline]] inline bool would_do_again(const Actor& actor, const HeldLock& slot, std::uintptr_t again,
                                                  StackPlace place) noexcept {
  const RecentStacks* const recent = vigil::shim::detail::lane.recent;
  if (slot.again != again || recent == nullptr || actor.wanted != LockId{}) [[unlikely]]
    return false;
  const RecentStacks::Entry& stack = recent->at(slot.recent);
  return stack.stack == slot.taken_at && stack.stands(place, modules_generation());
}

// The lock at that address, when this thread remembers it, or it is what the actor held last on top of what it holds;
// else null.
[[gnu::always_inline]] inline LockObject* near_lock(Actor& actor, LockFamily family, const void* address) noexcept {
  LockObject* const last = actor.held.next().object;
  const bool is_last = last != nullptr && last->family == family &&
                       __atomic_load_n(&last->address, __ATOMIC_RELAXED) == reinterpret_cast<std::uintptr_t>(address);
  return is_last ? last : remembered_lock(family, address);
}

// Who took it last again may have done so at another place, by another slot.
[[gnu::always_inline]] inline void takes_at(LockObject& lock, StackId place) noexcept {
  if (lock.taken_at.load(std::memory_order_relaxed) != place) lock.taken_at.store(place, std::memory_order_relaxed);
}

// The lock of the slot, given besides, was taken, and the actor would_do_again(). If nobody else had it since, and the
// order of locks has nothing to learn, then all of its record is as it was but for the number, which is one step
// further: that says, too, that it is the same lock, for a record that is given up takes a step more. False: it is not
// so.
[[gnu::always_inline]] inline bool holds_again(Actor& actor, HeldLock& slot, LockObject& lock) noexcept {
  const std::uint64_t number = slot.acquisition;
  if (lock.acquisition.load(std::memory_order_relaxed) != number + 1) [[unlikely]]
    return false;
  if (!actor.held.empty()) [[unlikely]] {  // not where few instructions are a share of the whole
    if (!is_told(actor, slot)) return false;
    takes_at(lock, slot.taken_at);
  }
  lock.acquisition.store(number, std::memory_order_relaxed);
  actor.held.add_slot(slot);
  return true;
}
// The same of the first slot of a list, which is used from now on. Demands: the actor held nothing before.
[[gnu::always_inline]] inline bool holds_in_turn(Actor& actor, const HeldLocks::List& list) noexcept {
  const HeldLock& slot = list.first();
  LockObject& lock = *slot.object;
  const std::uint64_t number = slot.acquisition;
  if (lock.acquisition.load(std::memory_order_relaxed) != number + 1) [[unlikely]]
    return false;
  takes_at(lock, slot.taken_at);
  lock.acquisition.store(number, std::memory_order_relaxed);
  actor.held.add_first_of(list);
  return true;
}
// The lock was taken, exclusively, and is not what holds_again(). When the actor holds nothing else and had it last of
// all, its record lacks nothing but the place: then so much is written, and no more. False: it is not so.
[[gnu::always_inline]] inline bool holds_alone(Actor& actor, LockObject& lock, TakenAt place,
                                               std::uintptr_t again) noexcept {
  const std::uint64_t number = lock.acquisition.load(std::memory_order_relaxed) - 1;  // of who had it last
  if (!actor.held.empty() || !actor.held.has_room() || (number & 1U) == 0 ||
      lock.holder.load(std::memory_order_relaxed) != key_of(actor)) [[unlikely]]
    return false;
  lock.acquisition.store(number, std::memory_order_relaxed);
  lock.taken_at.store(place.stack, std::memory_order_relaxed);
  HeldLock& slot = actor.held.next();
  slot.object = &lock;
  slot.lock = static_cast<LockId>(lock.id);
  slot.acquisition = number;
  slot.taken_at = place.stack;
  slot.mode = LockMode::Exclusive;
  slot.recent = place.recent;
  slot.again = again;
  slot.told_at = HeldLock::kNeverTold;
  actor.held.add_first();
  return true;
}
// The lock was taken, exclusively, at a place that is remembered, and not by would_do_again().
[[gnu::always_inline]] inline void holds_another(Actor& actor, LockObject& lock, TakenAt place,
                                                 std::uintptr_t again) noexcept {
  HeldLock& slot = actor.held.next();
  if (slot.again == again && slot.taken_at == place.stack && slot.object == &lock && holds_again(actor, slot, lock)) {
    slot.recent = place.recent;  // the stack is remembered elsewhere by now
    takes_at(lock, place.stack);
  } else if (!holds_alone(actor, lock, place, again)) {
    holds_anew(actor, lock, place);
  }
}
// Whether the record of the slot is still that lock's. For one that is held for reading, whose number says nothing.
[[gnu::always_inline]] inline bool is_same_lock(const HeldLock& slot, const volatile void* address) noexcept {
  // relaxed: see remembered_lock(). The record may be another lock's by now.
  return __atomic_load_n(&slot.object->address, __ATOMIC_RELAXED) == reinterpret_cast<std::uintptr_t>(address) &&
         static_cast<LockId>(slot.object->id) == slot.lock;
}
// holds_again(), of one that was taken for reading.
[[gnu::always_inline]] inline bool holds_again_for_reading(Actor& actor, HeldLock& slot) noexcept {
  if (!actor.held.empty()) [[unlikely]] {
    if (!is_told(actor, slot)) return false;
  }
  actor.held.add_slot(slot);
  return true;
}

// The actor gives back what it took last of all that it holds, exclusively, by a quick way. False, and nothing done: it
// was another lock, or somebody else gave it back.
[[gnu::always_inline]] inline bool gives_back_again(Actor& actor, std::uintptr_t again) noexcept {
  HeldLock& held = actor.held.youngest();
  if (held.again != again) [[unlikely]]
    return false;
  LockObject& lock = *held.object;
  const std::uint64_t number = held.acquisition;
  if (lock.acquisition.load(std::memory_order_relaxed) != number) [[unlikely]]
    return false;
  order::moment_over();
  lock.acquisition.store(number + 1, std::memory_order_relaxed);
  actor.held.remove_slot(held);
  return true;
}

}  // namespace vigil::shim::locks
