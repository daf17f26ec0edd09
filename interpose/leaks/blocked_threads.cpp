#include "interpose/leaks/blocked_threads.hpp"

#include <pthread.h>

#include "interpose/objects.hpp"

namespace vigil::shim::leaks {
namespace {

ActorKey holder_of(const BlockedThread& thread, CallKind kind) noexcept {
  if (kind == CallKind::Join) return key_of_thread(static_cast<pthread_t>(thread.object));
  const LockObject* const lock = lock_objects().find(reinterpret_cast<const void*>(thread.object));
  const bool is_known = lock != nullptr && lock->is_held() && !lock->wandered.load(std::memory_order_relaxed);
  return is_known ? lock->holder.load(std::memory_order_relaxed) : ActorKey{};
}

struct ThreadsFound {
  ParkedStacks& stacks;
  OwnVector<BlockedThread> threads{};
  OwnVector<CallKind> kinds{};
};

void look_at(const Actor& thread, ThreadsFound& found) noexcept {
  const ThreadPart& part = *thread.thread;
  if (part.state.load(std::memory_order_acquire) == ThreadState::Ended) return;
  // acquire: pairs with the release in enter_blocked(); the other fields belong to this kind or a later one.
  const CallKind kind = part.call.kind.load(std::memory_order_acquire);
  if (!waits_for_actor(kind) || !part.call.for_ever.load(std::memory_order_relaxed)) return;
  const ParkedStack stack = found.stacks.of(thread);
  if (!stack.is_known()) return;
  found.threads.push_back({.key = key_of(thread),
                           .stack = stack,
                           .tid = part.tid.load(std::memory_order_relaxed),
                           .round = part.call.round.load(std::memory_order_relaxed),
                           .since_ms = part.call.since_ms.load(std::memory_order_relaxed),
                           .object = part.call.object.load(std::memory_order_relaxed)});
  found.kinds.push_back(kind);
}

}  // namespace

OwnVector<BlockedThread> blocked_threads(ParkedStacks& stacks) noexcept {
  ThreadsFound found{stacks};
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        look_at(thread, *static_cast<ThreadsFound*>(context));
        return true;
      },
      &found);
  // After it: whoever is joined is asked for in the same list, under the same lock.
  for (std::size_t i = 0; i < found.threads.size(); ++i) {
    found.threads[i].holder = holder_of(found.threads[i], found.kinds[i]);
  }
  return std::move(found.threads);
}

}  // namespace vigil::shim::leaks
