// The probes of locks and wait groups, and of any other edge the runtime names.
#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/held_again.hpp"
#include "interpose/locks/lock_events.hpp"
#include "interpose/locks/lock_misuse.hpp"
#include "interpose/misuse.hpp"
#include "interpose/objects.hpp"
#include "interpose/order.hpp"
#include "interpose/spins.hpp"
#include "interpose/timeline.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

namespace {

locks::LockMode mode_of(uint32_t mode) noexcept {
  return (mode & VIGIL_LOCK_SHARED) != 0 ? locks::LockMode::Shared : locks::LockMode::Exclusive;
}

locks::Attempt attempt_of(uint32_t mode) noexcept {
  return (mode & VIGIL_LOCK_TRIED) != 0 ? locks::Attempt::Tried : locks::Attempt::Blocking;
}

// That a lock has two sides is known before anybody has read-locked it: a writer that came before all readers counts.
LockObject& probed_lock(const void* lock, uint32_t mode) noexcept {
  LockObject& found = locks::find_lock(LockFamily::Vigil, lock);
  if ((mode & VIGIL_LOCK_TWO_SIDED) != 0 && found.type != ObjectType::RwMutex) found.becomes_two_sided();
  return found;
}

// Reasons not to take the quick way (locks/held_again.hpp).
constexpr std::uint8_t kDetours = detail::kNotLive | detail::kOrderIsKept | detail::kTimeline;

// The actor of a probe that runs here, when the quick way is open. Null: it is not.
[[gnu::always_inline]] inline Actor* quick_actor_of(const vigil_probe_actor* actor) noexcept {
  const Actor* const here = locks::quick_actor(kDetours);
  return here != nullptr && actor != nullptr && actor->watch == here ? static_cast<Actor*>(actor->watch) : nullptr;
}

[[gnu::noinline]] void taken_slow(vigil_probe_actor* actor, const void* lock, uint32_t mode) noexcept {
  record([&] {
    if (timeline::on()) timeline::can_run(actor_of(actor));  // it may have been handed over
    locks::taken(actor_of(actor), probed_lock(lock, mode), mode_of(mode), attempt_of(mode));
  });
}
// The same, of an actor that does something else than it did last, but may do it again.
[[gnu::noinline]] void taken_anew(vigil_probe_actor* actor, const void* lock, StackPlace place,
                                  std::uintptr_t first_return) noexcept {
  Actor* const quick = quick_actor_of(actor);
  if (quick == nullptr) return taken_slow(actor, lock, VIGIL_LOCK_EXCLUSIVE);
  {
    const locks::QuickGuard inside;
    LockObject* const known = locks::near_lock(*quick, LockFamily::Vigil, lock);
    const RecentStacks::Entry* const standing = locks::standing_stack(place, first_return);
    if (standing == nullptr) {
      capture_stack_from(place, first_return);
    } else if (known != nullptr && known->type == ObjectType::Mutex && quick->wanted == locks::LockId{}) {
      const std::uintptr_t again = locks::HeldLock::again_as(locks::HeldLock::Way::VigilMutex, lock);
      locks::holds_another(*quick, *known, locks::taken_at(*standing), again);
      known->taken_moment = order::moment();
      return;
    }
  }
  taken_slow(actor, lock, VIGIL_LOCK_EXCLUSIVE);
}
[[gnu::noinline]] void release_slow(vigil_probe_actor* actor, const void* lock, uint32_t mode) noexcept {
  record([&] { locks::released(actor_of(actor), locks::find_lock(LockFamily::Vigil, lock), mode_of(mode)); });
}

}  // namespace

extern "C" VIGIL_EXPORT void vigil_probe_lock_wait(vigil_probe_actor* actor, const void* lock, uint32_t mode) noexcept {
  record([&] { locks::wanted(actor_of(actor), probed_lock(lock, mode), mode_of(mode)); });
}

extern "C" VIGIL_EXPORT void vigil_probe_lock_taken(vigil_probe_actor* actor, const void* lock,
                                                    uint32_t mode) noexcept {
  spins::did_something();
  const locks::CalledFrom from = locks::called_from();
  Actor* const quick = quick_actor_of(actor);
  if (mode != VIGIL_LOCK_EXCLUSIVE || quick == nullptr) return taken_slow(actor, lock, mode);
  const StackPlace place = StackPlace::in_task(from.stack_pointer, detail::task_stack_end);
  {
    const locks::QuickGuard inside;
    locks::HeldLock& slot = quick->held.next();
    const std::uintptr_t again = locks::HeldLock::again_as(locks::HeldLock::Way::VigilMutex, lock);
    if (locks::would_do_again(*quick, slot, again, place) && locks::holds_again(*quick, slot, *slot.object))
        [[likely]] {
      slot.object->taken_moment = order::moment();
      return;
    }
  }
  taken_anew(actor, lock, place, from.first_return);
}

extern "C" VIGIL_EXPORT void vigil_probe_lock_release(vigil_probe_actor* actor, const void* lock,
                                                      uint32_t mode) noexcept {
  Actor* const quick = quick_actor_of(actor);
  if (mode == VIGIL_LOCK_EXCLUSIVE && quick != nullptr) {
    const locks::QuickGuard inside;
    if (locks::gives_back_again(*quick, locks::HeldLock::again_as(locks::HeldLock::Way::VigilMutex, lock))) return;
  }
  release_slow(actor, lock, mode);
}

extern "C" VIGIL_EXPORT void vigil_probe_lock_misuse(vigil_probe_actor* actor, const void* lock,
                                                     uint32_t /*mode*/) noexcept {
  record([&] { locks::tell_unlock_not_held(actor_of(actor), &locks::find_lock(LockFamily::Vigil, lock)); });
}

extern "C" VIGIL_EXPORT void vigil_probe_lock_destroy(const void* lock, int is_locked) noexcept {
  record([&] {
    const bool at_exit = is_locked != 0 && !locks::tell_destroy_locked(locks::find_lock(LockFamily::Vigil, lock));
    if (!at_exit) locks::gone(lock);  // else the look at the end is still to come
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_wait_group_add(vigil_probe_actor* actor, const void* group, int64_t delta,
                                                        int64_t counter) noexcept {
  spins::did_something();
  record([&] {
    Actor& who = actor_of(actor);
    if (delta < 0) locks::leaves_locked(who);
    GroupObject& known = wait_groups().at(group);
    if (delta > 0 && counter == delta) group_use::opened(who, known);
    known.history[known.events++ % GroupObject::kHistory] = {
        .actor = key_of(who), .stack = capture_stack(), .delta = delta, .counter = counter};
    if (delta < 0) order::release_merge(who.clocks, known.done);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_wait_group_wait(vigil_probe_actor* actor, const void* group) noexcept {
  spins::did_something();
  record([&] {
    Actor& waiter = actor_of(actor);
    locks::leaves_locked(waiter);
    GroupObject& known = wait_groups().at(group);
    group_use::waited(waiter, known);
    order::acquire(waiter.clocks, known.done);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_wait_group_negative(vigil_probe_actor* actor, const void* group,
                                                             int64_t delta) noexcept {
  record([&] { tell_negative_group(actor_of(actor), wait_groups().at(group), delta); });
}

extern "C" VIGIL_EXPORT void vigil_probe_wait_group_destroy(const void* group) noexcept {
  record([&] { wait_groups().drop(group); });
}

extern "C" VIGIL_EXPORT void vigil_probe_release(vigil_probe_actor* actor, const void* object) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    SyncObject& known = sync_objects().at(object);
    known.lock.lock();
    order::release_merge(actor_of(actor).clocks, known.written);
    known.lock.unlock();
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_acquire(vigil_probe_actor* actor, const void* object) noexcept {
  if (order::needs() == 0) return;
  record([&] {
    SyncObject* const known = sync_objects().find(object);
    if (known == nullptr) return;
    known->lock.lock();
    order::acquire(actor_of(actor).clocks, known->written);
    known->lock.unlock();
  });
}

// The edges of a count of references: in the whole order only, for who comes last is this schedule's doing.
extern "C" VIGIL_EXPORT void vigil_probe_let_go(vigil_probe_actor* actor, const void* object) noexcept {
  if (order::needs(order::Edge::Lock) == 0) return;
  record([&] {
    SyncObject& known = sync_objects().at(object);
    known.lock.lock();
    order::release_merge(actor_of(actor).clocks, known.written, order::Edge::Lock);
    known.lock.unlock();
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_take_apart(vigil_probe_actor* actor, const void* object) noexcept {
  record([&] {
    SyncObject* const known = sync_objects().find(object);
    if (known == nullptr) return;
    known->lock.lock();
    order::acquire(actor_of(actor).clocks, known->written, order::Edge::Lock);
    known->lock.unlock();
    sync_objects().drop(object);
  });
}

extern "C" VIGIL_EXPORT void vigil_probe_sync_destroy(const void* object) noexcept {
  record([&] { sync_objects().drop(object); });
}
