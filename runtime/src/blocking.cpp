// blocking(): helper threads make the calls of parked tasks. There are as many as calls were under way at once; one
// that has been idle for kIdleNs ends.
//
// Invariant, whenever lock is free: an idle helper is in the list and its word is kIdle. Who takes it out gives it a
// call and then sets the word; the helper itself may take itself out, and then ends.
#include "vigil/blocking.hpp"

#include <cerrno>
#include <memory>
#include <system_error>

#include <pthread.h>

#include "runtime/src/clock.hpp"
#include "runtime/src/futex.hpp"
#include "runtime/src/park.hpp"
#include "runtime/src/probe_calls.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/thread_record.hpp"
#include "runtime/src/turns.hpp"

namespace vigil::detail {
namespace {

constexpr std::int64_t kIdleNs = 5'000'000'000;

struct BlockingCall;

struct Helper {
  enum : std::uint32_t { kIdle = 0, kCalled = 1 };
  Helper* next = nullptr;        // idle: the next one
  BlockingCall* call = nullptr;  // written before word
  FutexWord word{kIdle};
};

// Lies on the waiting task's stack.
struct BlockingCall {
  void (*run)(void* call) noexcept;
  void* call;
  Helper* helper;
  Waiter waiter;
  int error_number;
};

constinit SpinLock lock;
constinit Helper* idle = nullptr;  // guarded by lock; last in, first out, so that those at the end grow old

// Not inlined: errno is another place on another thread, and compilers believe it is not.
[[gnu::noinline]] void set_errno(int value) noexcept { errno = value; }

void serve(BlockingCall& call) noexcept {
  vigil_probe_acquire(&this_thread().actor->probe, &call);
  vigil_probe_blocking_begin(&call.waiter.actor->probe);
  errno = call.error_number;
  call.run(call.call);
  call.error_number = errno;
  vigil_probe_blocking_end(&call.waiter.actor->probe);
  Inside inside;
  vigil_probe_release(inside.probe(), &call);
  wake(inside.record(), call.waiter);
}

// What the call used of the runtime, and the waking, took turns (schedule=random); an idle helper needs none, and who
// sleeps with one holds up all others.
void leave_turn() noexcept {
  ThreadRecord* const self = this_thread_or_null();
  if (is_choosing() && self != nullptr) turns().leave(static_cast<PlainThread&>(*self));
}

bool leave_idle(const Helper& helper) noexcept {
  const SpinGuard held(lock);
  for (Helper** link = &idle; *link != nullptr; link = &(*link)->next) {
    if (*link != &helper) continue;
    *link = helper.next;
    return true;
  }
  return false;
}

// False: it has been idle for long enough, and is out of the list.
bool await_call(Helper& helper, std::uint64_t deadline_ns) noexcept {
  // acquire: pairs with the release in hand_over(): the call is visible.
  while (helper.word.load(std::memory_order_acquire) == Helper::kIdle) {
    futex_wait(helper.word, Helper::kIdle, deadline_ns);
    if (deadline_ns == kNoDeadline || helper.word.load(std::memory_order_acquire) != Helper::kIdle) continue;
    if (now_ns() < deadline_ns) continue;
    if (leave_idle(helper)) return false;
    deadline_ns = kNoDeadline;  // somebody has taken it, and calls soon
  }
  return true;
}

void* help(void* born) noexcept {
  const std::unique_ptr<Helper> helper(static_cast<Helper*>(born));
  vigil_probe_worker_start();
  pthread_setname_np(pthread_self(), "vigil-blocking");
  std::uint64_t deadline_ns = kNoDeadline;  // who made it calls it
  while (await_call(*helper, deadline_ns)) {
    BlockingCall& call = *helper->call;
    helper->word.store(Helper::kIdle, std::memory_order_relaxed);
    serve(call);
    leave_turn();
    {
      const SpinGuard held(lock);
      helper->next = idle;
      idle = helper.get();
    }
    deadline_ns = deadline_after(kIdleNs);
  }
  return nullptr;
}

Helper& take_helper() {
  {
    const SpinGuard held(lock);
    if (Helper* const helper = idle; helper != nullptr) {
      idle = helper->next;
      return *helper;
    }
  }
  auto helper = std::make_unique<Helper>();
  pthread_t thread{};
  if (const int failed = pthread_create(&thread, nullptr, &help, helper.get()); failed != 0)
    throw std::system_error(failed, std::generic_category(), "no thread for a blocking call");
  pthread_detach(thread);
  return *helper.release();
}

// Once the task is parked, so that even the fastest call cannot wake it before.
void hand_over(void* given) noexcept {
  auto& call = *static_cast<BlockingCall*>(given);
  Helper& helper = *call.helper;
  helper.call = &call;
  helper.word.store(Helper::kCalled, std::memory_order_release);
  futex_wake(helper.word, 1);  // at worst, on an address that is no longer a helper's: nobody waits there
}

}  // namespace

void run_blocking(void (*run)(void* call) noexcept, void* call) {
  const ThreadRecord* const self = this_thread_or_null();
  if (self == nullptr || self->worker == nullptr) {
    run(call);
    return;
  }
  BlockingCall made{.run = run, .call = call, .helper = &take_helper(), .waiter = {}, .error_number = errno};
  {
    Inside inside;
    made.waiter.actor = &inside.actor();
    vigil_probe_release(inside.probe(), &made);
    wait_for_object(inside.actor(), VIGIL_WAIT_BLOCKING, nullptr);
    park(inside, {&hand_over, &made});
    vigil_probe_acquire(inside.probe(), &made);
    vigil_probe_sync_destroy(&made);
  }
  set_errno(made.error_number);
}

}  // namespace vigil::detail
