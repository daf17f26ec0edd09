#include "interpose/look.hpp"

#include <algorithm>

#include "interpose/helper.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/leaks/memory_search.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/signals.hpp"

namespace vigil::shim {
namespace {

constexpr std::uint64_t kLookPauseNs = 50'000'000;

// Some handlers cannot wake anybody and return: those of faults, and those of libc's own two signals.
bool may_wake(int signal_number) noexcept {
  constexpr int kLibcFirst = 32;
  constexpr int kLibcLast = 33;
  switch (signal_number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
    case SIGSYS:
    case SIGABRT:
    case SIGKILL:
    case SIGSTOP:
      return false;
    default:
      return signal_number < kLibcFirst || signal_number > kLibcLast;
  }
}

bool handles_a_signal() noexcept {
  constexpr int kSignals = 64;
  for (int number = 1; number <= kSignals; ++number) {
    struct sigaction action {};
    if (!may_wake(number) || program_sigaction(number, nullptr, &action) != 0) continue;
    const bool by_default =
        (action.sa_flags & SA_SIGINFO) == 0 && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    if (!by_default) return true;
  }
  return false;
}

// The threads the shim knows: the program's as looks, and the kernel's ids of all that are accounted for.
struct KnownThreads {
  OwnVector<ThreadLook> program;
  OwnVector<int> accounted;
  std::uint64_t blocked_workers = 0;  // among `program`: each runs a task that the runtime counts as running
  std::uint64_t free_workers = 0;     // the others, idle ones too
};

KnownThreads known_threads() noexcept {
  KnownThreads known;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& out = *static_cast<KnownThreads*>(context);
        const ThreadPart& part = *thread.thread;
        if (part.state.load(std::memory_order_acquire) == ThreadState::Ended) return true;
        const int tid = part.tid.load(std::memory_order_acquire);
        out.accounted.push_back(tid);
        // acquire: pairs with the release in enter_blocked(); the other fields belong to this kind or a later one.
        const CallKind kind = part.call.kind.load(std::memory_order_acquire);
        if (part.is_worker.load(std::memory_order_relaxed)) {
          ++(kind == CallKind::None ? out.free_workers : out.blocked_workers);
          if (kind == CallKind::None) return true;
        }
        out.program.push_back({.tid = tid,
                               .kind = kind,
                               .object = part.call.object.load(std::memory_order_relaxed),
                               .round = part.call.round.load(std::memory_order_relaxed),
                               .for_ever = part.call.for_ever.load(std::memory_order_relaxed)});
        return true;
      },
      &known);
  std::sort(known.program.begin(), known.program.end(),
            [](const ThreadLook& a, const ThreadLook& b) { return a.tid < b.tid; });
  return known;
}

bool has_strangers(const OwnVector<int>& accounted) noexcept {
  const OwnVector<int> all = kernel_threads();
  return all.empty() || std::any_of(all.begin(), all.end(), [&](int tid) {
           return !is_helper(tid) && std::find(accounted.begin(), accounted.end(), tid) == accounted.end();
         });
}

// The runtime's part, while it holds still. Returns how many tasks run, or could.
std::uint64_t look_at_actors(Look& look) noexcept {
  std::uint64_t running = 0;
  for_each_actor([&](const vigil_probe_actor_view& view) {
    const bool parked = view.state == VIGIL_TASK_PARKED && view.wait != nullptr;
    const bool stuck = parked && needs_others(*view.wait);
    if ((view.flags & VIGIL_ACTOR_IS_THREAD) == 0) {
      const bool is_served = parked && view.wait->kind == VIGIL_WAIT_BLOCKING;
      if (!parked) {
        ++running;
      } else if (is_served && !services_are_told()) {
        ++look.moving_tasks;
      } else if (is_served) {
        ++look.blocked_tasks;  // the thread that makes its call is looked at as such
      } else if (!stuck) {
        ++look.timers;
      } else if ((view.flags & VIGIL_ACTOR_IS_DAEMON) == 0) {
        ++look.blocked_tasks;
      }
      return true;
    }
    const auto* const thread = static_cast<const Actor*>(view.actor->watch);
    if (thread == nullptr || thread->thread == nullptr) return true;
    const int tid = thread->thread->tid.load(std::memory_order_relaxed);
    for (ThreadLook& one : look.threads) {
      if (one.tid == tid && one.kind == CallKind::Primitive && !stuck) one.for_ever = false;
    }
    return true;
  });
  return running;
}

// Of those the runtime counts as running or runnable, who is neither blocked in a call nor left without a worker: the
// runtime has no more workers than it began with, and one that begins is a thread that is awake, or a stranger.
void sort_moving(Look& look, std::uint64_t moving, const KnownThreads& known) noexcept {
  const std::uint64_t others = moving - std::min(moving, known.blocked_workers);
  const bool has_worker = known.free_workers != 0 || known.blocked_workers == 0;
  (has_worker ? look.moving_tasks : look.stranded_tasks) += others;
}

void look_at_runtime(Look& look, const KnownThreads& known) noexcept {
  if (runtime() == nullptr) return;
  vigil_probe_counts counts{};
  runtime()->counts(&counts);
  sort_moving(look, counts.moving, known);
  look.timers = counts.timers;
  if (look.moving_tasks != 0 || look.timers != 0) return;
  const RuntimePause pause(kLookPauseNs);
  look.tasks_known = static_cast<bool>(pause);
  if (!pause) return;
  look.stranded_tasks = 0;
  sort_moving(look, look_at_actors(look), known);
}

}  // namespace

Look take_look() noexcept {
  Look look;
  KnownThreads known = known_threads();
  look.threads = std::move(known.program);
  look_at_runtime(look, known);
  if (judge(look) == Verdict::Moves) return look;  // the rest is only needed for a proof
  for (ThreadLook& thread : look.threads) {
    thread.kernel = kernel_state(thread.tid);
    if (thread.kind == CallKind::OpenWord && leaks::Mappings().is_shared_at(thread.object)) thread.for_ever = false;
  }
  look.has_strangers = has_strangers(known.accounted);
  look.has_signal_handlers = handles_a_signal();
  return look;
}

namespace {

enum class Which : std::uint8_t { Blocked, All };

// A task, or the wait of a thread that is parked in a primitive.
struct Collecting {
  BlockedActors& into;
  const Which which;
  OwnMap<const Actor*, vigil_probe_actor_view> in_primitive{};

  void add(const vigil_probe_actor_view& view) noexcept {
    const bool parked = view.state == VIGIL_TASK_PARKED && view.wait != nullptr;
    const bool is_thread = (view.flags & VIGIL_ACTOR_IS_THREAD) != 0;
    const bool is_daemon = (view.flags & VIGIL_ACTOR_IS_DAEMON) != 0;
    if (which == Which::Blocked && (!parked || is_daemon || !needs_others(*view.wait))) return;
    if (is_thread) {
      if (parked) in_primitive[static_cast<const Actor*>(view.actor->watch)] = view;
    } else if (parked) {
      into.add_task(view);
    } else {
      into.add_moving(view);
    }
  }
  void add(const Actor& thread) noexcept {
    const ThreadPart& part = *thread.thread;
    if (part.state.load(std::memory_order_acquire) != ThreadState::Running) return;
    if (part.call.kind.load(std::memory_order_acquire) == CallKind::None) {
      if (which == Which::All && !part.is_worker.load(std::memory_order_relaxed)) into.add_moving(thread);
      return;
    }
    const auto found = in_primitive.find(&thread);
    into.add_thread(thread, found == in_primitive.end() ? nullptr : &found->second);
  }
};

void collect(BlockedActors& into, Which which) noexcept {
  Collecting collecting{into, which};
  if (runtime() != nullptr) {
    for_each_actor([&](const vigil_probe_actor_view& view) {
      collecting.add(view);
      return true;
    });
  }
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        static_cast<Collecting*>(context)->add(thread);
        return true;
      },
      &collecting);
  into.name_joined();
}

}  // namespace

void collect_blocked(BlockedActors& blocked) noexcept { collect(blocked, Which::Blocked); }
void collect_all(BlockedActors& all) noexcept { collect(all, Which::All); }

}  // namespace vigil::shim
