#include "interpose/race/tsan_bridge.hpp"

#include <unistd.h>

#include "interpose/fixed_text.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/order.hpp"
#include "interpose/race/library_caches.hpp"
#include "interpose/race/tsan_bridge_report.hpp"
#include "interpose/race/tsan_bridge_runtime.hpp"
#include "interpose/say.hpp"

namespace vigil::shim::race::bridge {

namespace detail {
constinit std::atomic<bool> on{false};
thread_local constinit bool thread_is_over __attribute__((tls_model("initial-exec"))) = false;
thread_local constinit bool runs_unseen __attribute__((tls_model("initial-exec"))) = false;
}  // namespace detail

namespace {

constexpr unsigned kNoOrder = 1;  // a switch says nothing of who waits for whom

// The state of this thread itself, and the one that runs on it; null: the former.
thread_local constinit void* own_state __attribute__((tls_model("initial-exec"))) = nullptr;
thread_local constinit void* running_fiber __attribute__((tls_model("initial-exec"))) = nullptr;

// relaxed: counts and a limit, no data rides on them.
constinit std::atomic<std::size_t> followed{0};
constinit std::atomic<std::size_t> limit{0};  // 0: not asked yet
constinit std::atomic<bool> limit_was_met{false};

// What all unseen tasks know.
constinit FutexLock unseen_lock;
constinit TicketRef* unseen_past = nullptr;  // made by the first of them, under unseen_lock

TicketRef& past_of_unseen() noexcept {
  unseen_lock.lock();
  if (unseen_past == nullptr) unseen_past = own_new<TicketRef>(ticket_of_now());
  TicketRef& past = *unseen_past;
  unseen_lock.unlock();
  return past;
}

void say_limit(std::size_t most) noexcept {
  if (limit_was_met.exchange(true, std::memory_order_relaxed)) return;
  lead_calls(Way::ThroughUs);  // so that those of unseen tasks can be left out
  Line line;
  line << "this program's ThreadSanitizer runtime follows " << most
       << " tasks at a time here; races of those started beyond that are not looked for. Built with "
          "vigil_instrument(target) in place of -fsanitize=thread it has no such limit";
  say(line.view());
}

bool may_follow_another() noexcept {
  std::size_t most = limit.load(std::memory_order_relaxed);
  if (most == 0) limit.store(most = most_tasks(), std::memory_order_relaxed);
  if (followed.fetch_add(1, std::memory_order_relaxed) < most) return true;
  followed.fetch_sub(1, std::memory_order_relaxed);
  say_limit(most);
  return false;
}

void go_to(void* fiber) noexcept {
  if (fiber == running_fiber) return;
  if (own_state == nullptr) own_state = tsan().get_current_fiber();  // no task has run on this thread yet
  tsan().switch_to_fiber(fiber != nullptr ? fiber : own_state, kNoOrder);
  running_fiber = fiber;
}

// The next task on that stack, or thread, knows nothing of this one. The runtime forgets what is unmapped, before it
// asks the system; the system refuses an address inside a page, and so the memory stays.
void forget_stack(std::uintptr_t end) noexcept {
  constexpr std::uintptr_t kPage = 4096;
  constexpr std::uintptr_t kLargestStack = 256U << 10U;
  const std::uintptr_t high = (end + kPage - 1) / kPage * kPage;
  const std::uintptr_t low = high - kLargestStack;
  tsan().munmap(reinterpret_cast<void*>(low - kPage + 1), high - low + kPage - 1);
}

}  // namespace

void start() noexcept {
  if (is_on() || !find_runtime()) return;
  detail::on.store(true, std::memory_order_relaxed);
  order::want(order::kTold);
  find_library_caches();
  if (!reports_to_us()) {
    say("ThreadSanitizer's runtime is linked into this program itself: it knows vigil's tasks and their order, but "
        "prints "
        "its races where it always does, not in this report; built by vigil_instrument() or g++ they are in it");
  }
}

void module_arrived() noexcept {
  // libvigil.so may have come with it. Not before libc itself has started: dlopen() would start it, without an
  // environment.
  if (environ != nullptr) call_libc_directly();
  if (!limit_was_met.load(std::memory_order_relaxed)) lead_calls(Way::Direct);
}

void task_created(Actor& task) noexcept {
  if (!can_tell()) return;
  ToldActor& part = task.clocks.told.part();
  if (!may_follow_another()) {
    part.is_unseen = true;
    part.inbox.push_back(ticket_of_now());
    return;
  }
  part.fiber = tsan().create_fiber(0);
  Line name;
  name << kTaskName;
  name.hex(static_cast<std::uint64_t>(key_of(task)));
  tsan().set_fiber_name(part.fiber, name.c_str());
}

void task_ended(Actor& task, std::uintptr_t stack_end) noexcept {
  ToldActor* const part = task.clocks.told.known();
  if (part == nullptr || part->fiber == nullptr) return;
  if (running_fiber == part->fiber) go_to(nullptr);
  forget_stack(stack_end);
  tsan().destroy_fiber(part->fiber);
  part->fiber = nullptr;
  followed.fetch_sub(1, std::memory_order_relaxed);
}

void task_switched(Actor* task) noexcept {
  if (!can_tell()) return;
  const InsideGuard inside;
  if (detail::runs_unseen) past_of_unseen().merge();
  ToldActor* const part = task != nullptr ? task->clocks.told.known() : nullptr;
  // One that was started while nobody looked has no fiber either.
  detail::runs_unseen = task != nullptr && (part == nullptr || part->fiber == nullptr);
  go_to(part != nullptr ? part->fiber : nullptr);
  if (detail::runs_unseen) past_of_unseen().acquire();
  if (task != nullptr) resumes(task->clocks.told);
}

}  // namespace vigil::shim::race::bridge
