#include "interpose/locks/held_while_blocked.hpp"

#include "interpose/finding_writer.hpp"
#include "interpose/object_list.hpp"
#include "interpose/objects.hpp"
#include "interpose/options.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/stack_capture.hpp"
#include "interpose/threads.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::locks {
namespace {

constexpr std::uint64_t kPauseNs = 200'000'000;

struct Blocked {
  Actor* actor = nullptr;
  const vigil_probe_wait* wait = nullptr;  // valid while the runtime is paused; null: waits in a pthread call
  std::uintptr_t object = 0;               // what it waits for, if that is one object
  StackId stack = kNoStack;
};

StackId stack_of(const vigil_probe_actor_view& view, const Actor& actor) noexcept {
  if (view.saved != nullptr) return capture_parked(*view.saved, view.stack_low, view.stack_high);
  return actor.thread == nullptr ? kNoStack : actor.thread->call.stack.load(std::memory_order_relaxed);
}

OwnVector<Blocked> blocked_actors() noexcept {
  OwnVector<Blocked> found;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    if (view.state != VIGIL_TASK_PARKED || view.wait == nullptr || view.actor->watch == nullptr) return true;
    auto& actor = *static_cast<Actor*>(view.actor->watch);
    const bool matters = actor.wanted != LockId{} || !actor.held.live().empty();
    const auto object = reinterpret_cast<std::uintptr_t>(view.wait->object);
    if (matters)
      found.push_back({.actor = &actor, .wait = view.wait, .object = object, .stack = stack_of(view, actor)});
    return true;
  });
  // Threads, and tasks with their worker, that wait for one of pthread's locks.
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        const BlockedCall& call = thread.thread->call;
        // acquire: pairs with the release of who blocked; what it wrote before is seen.
        const CallKind kind = call.kind.load(std::memory_order_acquire);
        if (kind != CallKind::Mutex && kind != CallKind::ReadLock && kind != CallKind::WriteLock) return true;
        Actor* const task = call.task.load(std::memory_order_relaxed);
        static_cast<OwnVector<Blocked>*>(context)->push_back({.actor = task != nullptr ? task : &thread,
                                                              .object = call.object.load(std::memory_order_relaxed),
                                                              .stack = call.stack.load(std::memory_order_relaxed)});
        return true;
      },
      &found);
  return found;
}

bool waits_for_others_work(const vigil_probe_wait& wait) noexcept {
  return wait.kind == VIGIL_WAIT_SEND || wait.kind == VIGIL_WAIT_RECEIVE || wait.kind == VIGIL_WAIT_SELECT ||
         wait.kind == VIGIL_WAIT_WAIT_GROUP;
}

void tell(const Blocked& holder, const HeldLock& lock, const Blocked& waiter) noexcept {
  const ActorInfo who_holds = info_of(*holder.actor, "blocked");
  const ActorInfo who_wants = info_of(*waiter.actor, "blocked");
  const WaitTarget target = target_of(*holder.wait);
  ObjectList objects;
  const std::int32_t held[] = {objects.index_of(info_of(*lock.object))};
  const std::int32_t object = target.objects.empty() ? -1 : objects.index_of(target.objects[0]);
  Line message;
  message << words_for(who_holds).view() << " holds " << words_for(*lock.object).view() << " and waits "
          << target.words.view() << ", while " << words_for(who_wants).view()
          << " waits for that lock and cannot do its part";
  const Participant participants[] = {{.role = "holder",
                                       .actor = who_holds,
                                       .operation = target.operation,
                                       .object = object,
                                       .held = held,
                                       .stack = holder.stack,
                                       .note = "it waits here and holds the mutex"},
                                      {.role = "taker",
                                       .actor = who_holds,
                                       .operation = "lock",
                                       .object = held[0],
                                       .held = {},
                                       .stack = lock.taken_at,
                                       .note = "it took the mutex here"},
                                      {.role = "waiter",
                                       .actor = who_wants,
                                       .operation = "lock",
                                       .object = held[0],
                                       .held = {},
                                       .stack = waiter.stack,
                                       .note = "the other one waits for the mutex here"}};
  report({.kind = Kind::LockHeldWhileBlocked,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects.all()});
}

}  // namespace

void tell_held_while_blocked() noexcept {
  if (runtime() == nullptr || !wants(Kind::LockHeldWhileBlocked)) return;
  const RuntimePause pause(kPauseNs);
  if (!pause) return;
  const OwnVector<Blocked> all = blocked_actors();
  for (const Blocked& holder : all) {
    if (holder.wait == nullptr || !waits_for_others_work(*holder.wait)) continue;
    for (const HeldLock& lock : holder.actor->held.live()) {
      for (const Blocked& waiter : all) {
        if (waiter.object != 0 && waiter.object == lock.object->address) {
          tell(holder, lock, waiter);
          break;
        }
      }
    }
  }
}

}  // namespace vigil::shim::locks
