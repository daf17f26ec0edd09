// Semaphore. Tokens are handed over: who is woken has them. Invariant, whenever lock_ is free: the first that waits,
// and is not about to give up, wants more than size_ - taken_.
#include "vigil/semaphore.hpp"

#include "runtime/src/channel_core.hpp"
#include "runtime/src/context_core.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "vigil/panic.hpp"

namespace vigil {
namespace {

using detail::ContextCore;
using detail::DoneCore;
using detail::Inside;
using detail::Race;
using detail::SpinGuard;
using detail::SpinLock;
using detail::WaitQueue;

constexpr std::uint32_t kGranted = 0;    // who wins a waiter's race: the semaphore,
constexpr std::uint32_t kCancelled = 1;  // or its context

std::int64_t checked(std::int64_t count) {
  if (count < 0) throw Panic("semaphore: negative count");
  return count;
}

// The semaphore's lock, or null, and the context's, released in this order; read before either is free, for the waiter
// whose stack it lies on may go on as soon as both are.
struct HeldLocks {
  SpinLock* semaphore;
  SpinLock* context;

  static void unlock(void* held) noexcept {
    const HeldLocks locks = *static_cast<HeldLocks*>(held);
    if (locks.semaphore != nullptr) locks.semaphore->unlock();
    locks.context->unlock();
  }
};

}  // namespace

struct Semaphore::Waiting : detail::Waiter {
  std::int64_t wanted = 0;
};

Semaphore::Semaphore(std::int64_t size) : size_(checked(size)) {}
Semaphore::~Semaphore() { vigil_probe_sync_destroy(this); }

bool Semaphore::take_locked(std::int64_t count) noexcept {
  if (size_ - taken_ < count || waiting_.first != nullptr) return false;
  taken_ += count;
  return true;
}

// Serves those that wait, in order, as far as the tokens go.
void Semaphore::grant_locked(void* woken) noexcept {
  WaitQueue queue(waiting_);
  while (!queue.empty()) {
    auto& first = static_cast<Waiting&>(*waiting_.first);
    if (size_ - taken_ < first.wanted) return;
    queue.remove(first);
    if (first.race != nullptr && !first.race->claim(kGranted)) continue;  // its context was faster
    taken_ += first.wanted;
    static_cast<detail::WakeList*>(woken)->add(first);
  }
}

bool Semaphore::try_acquire(std::int64_t count) {
  static_cast<void>(checked(count));
  const Inside inside;
  const SpinGuard held(SpinLock::of(lock_));
  if (!take_locked(count)) return false;
  vigil_probe_acquire(inside.probe(), this);
  return true;
}

void Semaphore::acquire_outlined(std::int64_t count) {
  static_cast<void>(checked(count));
  Inside inside;
  SpinLock::of(lock_).lock();
  if (take_locked(count))
    SpinLock::of(lock_).unlock();
  else
    wait_without_context(&inside, count);
  vigil_probe_acquire(inside.probe(), this);
}

void Semaphore::wait_without_context(void* inside_ptr, std::int64_t count) {
  Inside& inside = *static_cast<Inside*>(inside_ptr);
  Waiting waiter;
  waiter.actor = &inside.actor();
  waiter.wanted = count;
  if (count <= size_) WaitQueue(waiting_).push_back(waiter);  // else it can never be served, and holds up nobody
  detail::wait_for_object(inside.actor(), VIGIL_WAIT_SEMAPHORE, this);
  detail::park(inside, detail::unlock_after(SpinLock::of(lock_)));
}

std::error_code Semaphore::acquire(const Context& ctx, std::int64_t count) {
  static_cast<void>(checked(count));
  if (const std::error_code done = ctx.err()) return done;
  Inside inside;
  SpinLock::of(lock_).lock();
  if (take_locked(count)) {
    SpinLock::of(lock_).unlock();
  } else if (ctx.done().is_nil()) {
    wait_without_context(&inside, count);
  } else if (const std::error_code done = wait_with_context(&inside, ctx, count)) {
    return done;
  }
  vigil_probe_acquire(inside.probe(), this);
  return {};
}

std::error_code Semaphore::wait_with_context(void* inside_ptr, const Context& ctx, std::int64_t count) {
  Inside& inside = *static_cast<Inside*>(inside_ptr);
  SpinLock& lock = SpinLock::of(lock_);
  DoneCore& source = *ContextCore::of(ctx)->source();
  const bool can_be_served = count <= size_;

  Race race;
  Waiting waiter;
  waiter.actor = &inside.actor();
  waiter.race = &race;
  waiter.index = kGranted;
  waiter.wanted = count;
  detail::WaitListener listener;
  listener.waiter.actor = &inside.actor();
  listener.waiter.race = &race;
  listener.waiter.index = kCancelled;

  source.lock().lock();  // after the semaphore's; a cancel takes no semaphore's lock
  if (!source.link_locked(listener)) {
    source.lock().unlock();
    lock.unlock();
    return {source.error(), context_category()};
  }
  if (can_be_served) WaitQueue(waiting_).push_back(waiter);
  const vigil_probe_case done{.channel = detail::core_of(source.done()), .is_send = 0, .reserved = 0};
  inside.actor().wait = {.kind = VIGIL_WAIT_SEMAPHORE,
                         .case_count = 1,
                         .cases = &done,
                         .object = this,
                         .deadline_ns = detail::kNoDeadline};
  HeldLocks held{can_be_served ? &lock : nullptr, &source.lock()};
  if (!can_be_served) lock.unlock();
  detail::park(inside, {&HeldLocks::unlock, &held});

  {
    const SpinGuard guard(source.lock());
    if (listener.linked.load(std::memory_order_relaxed)) source.unlink_locked(listener);
  }
  if (race.winner() == kGranted) return {};
  // It may have stood in the way of others that want less.
  detail::WakeList woken;
  {
    const SpinGuard guard(lock);
    if (waiter.queued) WaitQueue(waiting_).remove(waiter);
    grant_locked(&woken);
  }
  detail::wake_all(inside.record(), woken);
  return {source.error(), context_category()};
}

void Semaphore::release_outlined(std::int64_t count) {
  static_cast<void>(checked(count));
  Inside inside;
  detail::WakeList woken;
  {
    const SpinGuard held(SpinLock::of(lock_));
    if (count > taken_) throw Panic("semaphore: released more than held");
    vigil_probe_release(inside.probe(), this);
    taken_ -= count;
    grant_locked(&woken);
  }
  detail::wake_all(inside.record(), woken);
}

}  // namespace vigil
