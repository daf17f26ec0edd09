#include "interpose/life/at_exit.hpp"

#include <sys/syscall.h>
#include <time.h>

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/life/contexts.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/options.hpp"
#include "interpose/process_info.hpp"
#include "interpose/raw_syscall.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/threads.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::at_exit {
namespace {

// A task that only has to run to its end does so in microseconds; the time is for a loaded machine. One that gives the
// workers next to no processor is given more of it, as long as they are ready for one.
constexpr std::uint64_t kSettleNs = 200'000'000;
constexpr std::uint64_t kMostSettleNs = 3'000'000'000;
constexpr std::uint64_t kStepNs = 5'000'000;
constexpr std::int64_t kMostNsToEnd = 2'000'000;   // of the workers' time together
constexpr std::int64_t kMostNsToEndEach = 50'000;  // and so much more for each task that is not through
constexpr std::uint64_t kPauseNs = 500'000'000;
constexpr std::uint64_t kCancelledSleepNs = 300'000'000;  // a cancelled sleeper that wakes within this may still leave

struct Unfinished {
  std::uint64_t id;
  ActorKey key;
};
constinit OwnVector<Unfinished>* at_work = nullptr;  // made by settle(); after tell_running(): those who were told
constinit std::uint32_t settled_at_ms = 0;           // coarse_ms() when settle() had let all go on that could

bool is_plain_task(const vigil_probe_actor_view& view) noexcept {
  return (view.flags & (VIGIL_ACTOR_IS_THREAD | VIGIL_ACTOR_IS_DAEMON)) == 0 && view.actor->watch != nullptr;
}

const Actor& actor_in(const vigil_probe_actor_view& view) noexcept {
  return *static_cast<const Actor*>(view.actor->watch);
}

// In the order of their ids. But for the task that ends the program itself.
OwnVector<Unfinished> moving_tasks() noexcept {
  OwnVector<Unfinished> found;
  const Actor& ender = current_actor();
  const RuntimePause pause(kPauseNs);  // so that no task ends while its Actor is read
  if (!pause) return found;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    if (is_plain_task(view) && &actor_in(view) != &ender &&
        (view.state == VIGIL_TASK_RUNNABLE || view.state == VIGIL_TASK_RUNNING)) {
      found.push_back({view.actor->id, key_of(actor_in(view))});
    }
    return true;
  });
  std::sort(found.begin(), found.end(), [](const Unfinished& a, const Unfinished& b) { return a.id < b.id; });
  return found;
}

struct Workers {
  std::int64_t used_ns = 0;
  bool some_runs = false;  // on a processor, or ready for one
};

Workers look_at_workers() noexcept {
  struct Ids {
    OwnVector<int> tids;
  } ids;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        const ThreadPart& part = *thread.thread;
        const bool counts = part.is_worker.load(std::memory_order_relaxed) &&
                            part.state.load(std::memory_order_acquire) != ThreadState::Ended;
        if (counts) static_cast<Ids*>(context)->tids.push_back(part.tid.load(std::memory_order_acquire));
        return true;
      },
      &ids);
  Workers workers;
  for (const int tid : ids.tids) {
    workers.used_ns += used_processor_ns(tid);
    workers.some_runs = workers.some_runs || kernel_runs(tid);
  }
  return workers;
}

void keep_those_in(OwnVector<Unfinished>& kept, const OwnVector<Unfinished>& now) noexcept {
  std::erase_if(kept, [&](const Unfinished& one) {
    return !std::binary_search(now.begin(), now.end(), one,
                               [](const Unfinished& a, const Unfinished& b) { return a.id < b.id; });
  });
}

// ---- cancelled ----------------------------------------------------------------------------------------------------

const ContextObject* ended_context_of(const vigil_probe_actor_view& view) noexcept {
  if (!is_plain_task(view)) return nullptr;
  const Actor& actor = actor_in(view);
  if (actor.context != nullptr) return contexts::ended(actor);
  return view.state == VIGIL_TASK_PARKED ? contexts::ended_in_closure(view) : nullptr;
}

// Whether the context ended after settle() (a daemon goes on), and the task is about to see it: it had no time to
// leave.
bool may_still_leave(const vigil_probe_actor_view& view, const ContextObject& context) noexcept {
  if (settled_at_ms == 0 || context.ended_at_ms <= settled_at_ms) return false;
  if (view.state != VIGIL_TASK_PARKED || view.wait == nullptr) return true;
  const std::uint64_t wakes_ns = view.wait->deadline_ns;
  return wakes_ns != 0 && wakes_ns < static_cast<std::uint64_t>(steady_now_ns()) + kCancelledSleepNs;
}

// The ended context that the task outlives, or null.
const ContextObject* outlived_by(const vigil_probe_actor_view& view) noexcept {
  const ContextObject* const context = ended_context_of(view);
  return context != nullptr && !may_still_leave(view, *context) ? context : nullptr;
}

// Tasks that outlive contexts made and ended at the same places are told together.
struct Survivors {
  const ContextObject* context = nullptr;
  BlockedActors parked;
  OwnVector<ActorKey> moving;
};

class SurvivorList {
 public:
  void add(const vigil_probe_actor_view& view, const ContextObject& context) noexcept {
    Survivors& group = of(context);
    if (view.state == VIGIL_TASK_PARKED && view.wait != nullptr) {
      group.parked.add_task(view);
    } else {
      group.moving.push_back(key_of(actor_in(view)));
    }
  }
  void tell() const noexcept {
    for (const Survivors* const group : all_) {
      for (const BlockedGroup* const blocked : group->parked.groups()) tell_parked(*group->context, *blocked);
      tell_moving(*group);
    }
  }

 private:
  Survivors& of(const ContextObject& context) noexcept {
    for (Survivors* const one : all_) {
      if (one->context->created_at == context.created_at && one->context->ended_at == context.ended_at) return *one;
    }
    all_.push_back(own_new<Survivors>());
    all_.back()->context = &context;
    return *all_.back();
  }

  static void begin(Line& message, const ActorInfo& who, std::uint64_t count, const ContextObject& context) noexcept {
    message << words_for(who).view();
    if (count > 1) message << " and " << count - 1 << " like it";
    message << (count > 1 ? " live" : " lives") << " on though "
            << (context.reason.load(std::memory_order_acquire) == VIGIL_CONTEXT_DEADLINE_EXCEEDED
                    ? "the deadline of its context is over"
                    : "its context was cancelled")
            << ", since " << words_for_ms(coarse_ms() - context.ended_at_ms).view();
  }

  // The actors besides the survivor.
  static void add_context(OwnVector<Participant>& participants, const ContextObject& context) noexcept {
    const bool by_deadline = context.reason.load(std::memory_order_acquire) == VIGIL_CONTEXT_DEADLINE_EXCEEDED;
    if (!by_deadline) {
      participants.push_back({.role = "canceller",
                              .actor = info_of(context.ended_by, ""),
                              .operation = "cancel",
                              .held = {},
                              .stack = context.ended_at,
                              .note = "the context was cancelled here"});
    }
    participants.push_back({.role = "maker",
                            .actor = info_of(context.maker, ""),
                            .operation = "make",
                            .held = {},
                            .stack = context.created_at,
                            .note = "the context was made here"});
  }

  static void tell_parked(const ContextObject& context, const BlockedGroup& blocked) noexcept {
    Line message;
    begin(message, blocked.actor, blocked.count, context);
    message << ", and waits " << blocked.target.words.view();
    OwnVector<Participant> participants;
    participants.push_back({.role = "waiter",
                            .actor = blocked.actor,
                            .operation = blocked.target.operation,
                            .object = blocked.target.objects.empty() ? -1 : 0,
                            .held = {},
                            .stack = blocked.stack,
                            .waited_ms = blocked.waited_ms,
                            .note = "it waits here"});
    add_context(participants, context);
    report({.kind = Kind::CancelledButAlive,
            .message = message.view(),
            .hint = {},
            .participants = participants,
            .objects = blocked.target.objects,
            .count = blocked.count});
  }

  static void tell_moving(const Survivors& group) noexcept {
    OwnVector<ActorKey> left = group.moving;
    while (!left.empty()) {
      const ActorInfo who = info_of(left.front(), "running");
      const auto same = [&](ActorKey key) { return info_of(key, "").created_at == who.created_at; };
      const auto count = static_cast<std::uint64_t>(std::count_if(left.begin(), left.end(), same));
      Line message;
      begin(message, who, count, *group.context);
      message << ", and still works";
      OwnVector<Participant> participants;
      participants.push_back({.role = "waiter", .actor = who, .operation = "run", .held = {}, .note = "it still runs"});
      add_context(participants, *group.context);
      report({.kind = Kind::CancelledButAlive,
              .message = message.view(),
              .hint = {},
              .participants = participants,
              .objects = {},
              .count = count});
      std::erase_if(left, same);
    }
  }

  OwnVector<Survivors*> all_;  // few; immortal, for who tells them ends soon
};

std::uint64_t now_ns() noexcept { return static_cast<std::uint64_t>(steady_now_ns()); }

void nap(std::uint64_t ns) noexcept {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  raw_syscall(SYS_nanosleep, reinterpret_cast<long>(&time), 0);
}

// Whether a task whose context has ended sleeps, but not for long any more.
bool some_cancelled_task_wakes_before(std::uint64_t end_ns) noexcept {
  const RuntimePause pause(kPauseNs);
  if (!pause) return false;
  bool some = false;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    some = view.state == VIGIL_TASK_PARKED && view.wait != nullptr && view.wait->deadline_ns != 0 &&
           view.wait->deadline_ns < end_ns && ended_context_of(view) != nullptr;
    return !some;
  });
  return some;
}

void let_cancelled_sleepers_leave() noexcept {
  const std::uint64_t end_ns = now_ns() + kCancelledSleepNs;
  while (some_cancelled_task_wakes_before(end_ns) && now_ns() < end_ns) nap(kStepNs);
  runtime()->settle(kStepNs);
}

}  // namespace

void settle() noexcept {
  if (runtime() == nullptr) return;
  if (runtime()->settle(kStepNs / 5) == 0) {
    OwnVector<Unfinished> unfinished = moving_tasks();
    const Workers begin = look_at_workers();
    const std::int64_t most =
        kMostNsToEnd + static_cast<std::int64_t>(unfinished.size()) * kMostNsToEndEach + begin.used_ns;
    const std::uint64_t begin_ns = now_ns();
    int looks = 0;
    int asleep = 0;
    bool worked = false;
    bool starves = false;  // a worker is ready, and has not had its time yet
    while (now_ns() - begin_ns < (starves ? kMostSettleNs : kSettleNs) && runtime()->settle(kStepNs) == 0) {
      const Workers now = look_at_workers();
      if (!worked) keep_those_in(unfinished, moving_tasks());
      worked = worked || now.used_ns >= most;
      ++looks;
      asleep += now.some_runs ? 0 : 1;
      starves = !worked && now.some_runs;
    }
    constexpr int kEnoughLooks = 20;
    const bool sleeps = looks >= kEnoughLooks && asleep >= looks - looks / 5;
    if ((worked || sleeps) && !unfinished.empty()) at_work = own_new<OwnVector<Unfinished>>(std::move(unfinished));
  }
  settled_at_ms = coarse_ms();
  let_cancelled_sleepers_leave();
}

bool was_told_at_work(std::uint64_t id) noexcept {
  return at_work != nullptr && std::ranges::any_of(*at_work, [&](const Unfinished& one) { return one.id == id; });
}

bool outlives_context(const vigil_probe_actor_view& view) noexcept {
  return wants(Kind::CancelledButAlive) && outlived_by(view) != nullptr;
}

void tell_cancelled() noexcept {
  if (runtime() == nullptr || !wants(Kind::CancelledButAlive)) return;
  SurvivorList survivors;
  {
    const RuntimePause pause(kPauseNs);
    if (!pause) return;
    for_each_actor([&](const vigil_probe_actor_view& view) {
      if (const ContextObject* const context = outlived_by(view)) survivors.add(view, *context);
      return true;
    });
  }
  survivors.tell();
}

namespace {

// One that outlives its context, and one that waits for others by now, is told as that: the first steps on a cold and
// busy machine may take as long as work does.
void leave_to_others(OwnVector<Unfinished>& left) noexcept {
  const RuntimePause pause(kPauseNs);
  if (!pause) return;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    const bool waits = view.state == VIGIL_TASK_PARKED && view.wait != nullptr && needs_others(*view.wait);
    if (waits || outlives_context(view)) {
      std::erase_if(left, [&](const Unfinished& one) { return one.id == view.actor->id; });
    }
    return true;
  });
}

}  // namespace

void tell_running() noexcept {
  if (at_work == nullptr) return;
  OwnVector<Unfinished> left = *at_work;
  // Who blocks in a lock of the system is still on its worker; what holds it there has been told.
  std::erase_if(left, [](const Unfinished& one) { return locks::is_in_told_ring(one.key); });
  leave_to_others(left);
  if (!wants(Kind::TaskRunningAtExit)) left.clear();
  *at_work = left;
  while (!left.empty()) {
    const ActorInfo who = info_of(left.front().key, "running");
    const auto same = [&](const Unfinished& one) { return info_of(one.key, "").created_at == who.created_at; };
    const auto count = static_cast<std::uint64_t>(std::count_if(left.begin(), left.end(), same));
    Line message;
    message << "the program ended while " << words_for(who).view();
    if (count > 1) message << " and " << count - 1 << " like it";
    message << (count > 1 ? " were" : " was") << " still at work: what was left to do is not done";
    const Participant worker{
        .role = "worker", .actor = who, .operation = "run", .held = {}, .stack = kNoStack, .note = "it was at work"};
    report({.kind = Kind::TaskRunningAtExit,
            .message = message.view(),
            .hint = {},
            .participants = {&worker, 1},
            .objects = {},
            .count = count});
    std::erase_if(left, same);
  }
}

namespace {

void watch_grace(void* /*context*/) noexcept {
  const auto grace_ns = static_cast<std::uint64_t>(options().cancel_grace.ns);
  const std::uint64_t step_ns = std::max<std::uint64_t>(grace_ns / 4, kStepNs);
  OwnSet<std::uint64_t> told;  // ids of tasks
  while (true) {
    nap(step_ns);
    if (stage() != Stage::Live) continue;
    SurvivorList survivors;
    {
      const RuntimePause pause(kStepNs);
      if (!pause) continue;
      for_each_actor([&](const vigil_probe_actor_view& view) {
        const ContextObject* const context = ended_context_of(view);
        if (context == nullptr || (coarse_ms() - context->ended_at_ms) * 1'000'000ULL < grace_ns) return true;
        if (told.insert(view.actor->id).second) survivors.add(view, *context);
        return true;
      });
    }
    survivors.tell();
  }
}

}  // namespace

void start_grace_watch() noexcept {
  if (options().cancel_grace.ns > 0 && wants(Kind::CancelledButAlive)) start_helper(watch_grace, nullptr);
}

}  // namespace vigil::shim::at_exit
