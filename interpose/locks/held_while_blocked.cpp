#include "interpose/locks/held_while_blocked.hpp"

#include <optional>

#include "interpose/finding_writer.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_waits.hpp"
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

// waker: null: nobody has ended the holder's wait.
void tell(const Blocked& holder, const HeldLock& lock, ActorKey waiter, StackId waiter_stack,
          const Actor* waker) noexcept {
  const ActorInfo who_holds = info_of(*holder.actor, "blocked");
  const ActorInfo who_wants = info_of(waiter, "blocked");
  const WaitTarget target = target_of(*holder.wait);
  ObjectList objects;
  const std::int32_t held[] = {objects.index_of(info_of(*lock.object))};
  const std::int32_t object = target.objects.empty() ? -1 : objects.index_of(target.objects[0]);
  Line message;
  message << words_for(who_holds).view() << " holds " << words_for(*lock.object).view() << " and waits "
          << target.words.view() << ", while " << words_for(who_wants).view()
          << " waits for that lock and cannot do its part";
  if (waker != nullptr) message << "; this time " << words_for(info_of(*waker, "")).view() << " did it instead";
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
                                       .stack = waiter_stack,
                                       .note = "the other one waits for the mutex here"}};
  report({.kind = Kind::LockHeldWhileBlocked,
          .message = message.view(),
          .hint = {},
          .participants = participants,
          .objects = objects.all()});
}

ChannelDeed opposite_of(ChannelDeed deed) noexcept {
  return deed == ChannelDeed::Send ? ChannelDeed::Receive : ChannelDeed::Send;
}

// Whether on each of its channels somebody has done before what the wait waits for, who never waited for it himself. A
// timer, or a context, ends a select without anybody's help. Under the locks of all of them.
bool has_known_wakers(const vigil_probe_wait& wait) noexcept {
  for (std::uint32_t i = 0; i < wait.case_count; ++i) {
    if (wait.cases[i].channel == nullptr) continue;
    const ChannelObject* const known = channels().find(wait.cases[i].channel);
    if (known == nullptr) return false;
    bool any = false;
    known->users.for_each_that_only(wait.cases[i].is_send != 0 ? ChannelDeed::Receive : ChannelDeed::Send,
                                    [&](ActorKey) { any = true; });
    if (!any) return false;
  }
  return true;
}

// What was told of waits that have ended: numbers of where the lock was taken, held and wanted.
struct Told {
  static constexpr std::size_t kMost = 1000;
  FutexLock lock;  // guards the rest
  OwnSet<std::uint64_t>* places = nullptr;
};
constinit Told told;

bool is_new(StackId taken, StackId parked, StackId wanted) noexcept {
  constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15ULL;
  std::uint64_t number = static_cast<std::uint64_t>(taken) * kMix;
  number = (number ^ number >> 29U ^ static_cast<std::uint64_t>(parked)) * kMix;
  number = (number ^ number >> 29U ^ static_cast<std::uint64_t>(wanted)) * kMix;
  if (!lock_within(told.lock)) return false;
  if (told.places == nullptr) told.places = own_new<OwnSet<std::uint64_t>>();
  const bool is_new = told.places->size() < Told::kMost && told.places->insert(number).second;
  told.lock.unlock();
  return is_new;
}

}  // namespace

bool parks_with_lock(const vigil_probe_actor* actor, const vigil_probe_wait& wait) noexcept {
  if (actor == nullptr || actor->watch == nullptr) return false;
  Actor& who = *static_cast<Actor*>(actor->watch);
  who.parked_with_lock = false;
  if (who.held.empty() || !waits_on_channels(wait.kind) || wait.deadline_ns != 0) return false;
  record([&] { who.parked_with_lock = wants(Kind::LockHeldWhileBlocked) && has_known_wakers(wait); });
  return who.parked_with_lock;
}

void held_wait_ended(Actor& holder, const void* channel, ChannelDeed deed) noexcept {
  holder.parked_with_lock = false;
  const Actor& waker = current_actor();
  const ChannelObject* const known = channels().find(channel);
  if (&waker == &holder || known == nullptr) return;
  known->users.for_each_that_only(opposite_of(deed), [&](ActorKey user) {
    if (user == key_of(waker)) return;
    const std::optional<LockWait> wanted = lock_wait_of(user);
    if (!wanted) return;
    const HeldLock* const held = holder.held.find([&](const HeldLock& one) {
      const bool keeps_out = one.mode == LockMode::Exclusive || wanted->mode == LockMode::Exclusive;
      return one.lock == wanted->lock && keeps_out && one.object->is_held_as(one.acquisition) &&
             !one.object->wandered.load(std::memory_order_relaxed);
    });
    if (held == nullptr || !is_new(held->taken_at, holder.parked_at, wanted->stack)) return;
    const vigil_probe_case one_case = {.channel = channel, .is_send = deed == ChannelDeed::Send, .reserved = 0};
    const vigil_probe_wait wait = {.kind = deed == ChannelDeed::Send ? VIGIL_WAIT_SEND : VIGIL_WAIT_RECEIVE,
                                   .case_count = 1,
                                   .cases = &one_case,
                                   .object = nullptr,
                                   .deadline_ns = 0};
    tell({.actor = &holder, .wait = &wait, .object = 0, .stack = holder.parked_at}, *held, user, wanted->stack, &waker);
  });
}

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
          tell(holder, lock, key_of(*waiter.actor), waiter.stack, nullptr);
          break;
        }
      }
    }
  }
}

}  // namespace vigil::shim::locks
