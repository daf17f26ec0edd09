#include "interpose/leaks/patrol.hpp"

#include <algorithm>

#include "interpose/deadlock.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/leaks/proof.hpp"
#include "interpose/leaks/rings.hpp"
#include "interpose/life/ends_in_time.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/log.hpp"
#include "interpose/options.hpp"
#include "interpose/process_info.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/threads.hpp"
#include "interpose/waits.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::uint32_t kLongMs = 200;
constexpr std::int64_t kPeriodNs = 200'000'000;
constexpr std::int64_t kSoonNs = 20'000'000;  // somebody was moving just then
constexpr std::int64_t kShare = 100;
constexpr std::uint64_t kMostHoldNs = 20'000'000;
constexpr std::size_t kMostBytes = std::size_t{128} << 20U;  // some 50 ms to search

bool is_long_stuck(const vigil_probe_actor_view& view) noexcept {
  if ((view.flags & VIGIL_ACTOR_IS_DAEMON) != 0 || view.state != VIGIL_TASK_PARKED || view.wait == nullptr)
    return false;
  const auto* const actor = static_cast<const Actor*>(view.actor->watch);
  if (actor == nullptr || !needs_others(*view.wait)) return false;
  if (coarse_ms() - waits_since_ms(*actor) < kLongMs) return false;
  return !ends_in_time(*view.wait) && !locks::is_in_told_ring(key_of(*actor));
}

std::uint64_t threads_that_wait() noexcept {
  std::uint64_t count = 0;
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        const CallKind kind = thread.thread->call.kind.load(std::memory_order_relaxed);
        *static_cast<std::uint64_t*>(context) += kind == CallKind::Primitive || waits_for_actor(kind) ? 1 : 0;
        return true;
      },
      &count);
  return count;
}

struct ToldRing {
  BlockedActors blocked;
  OwnVector<ActorKey> members;
};

struct Looked {
  OwnVector<ToldRing> proved;
  OwnVector<ActorKey> own_locks;  // proved, too: who waits for a lock of its own
  OwnVector<Line> lives;          // for the log: of the others, what may wake them
};

void note_living(const Proof& proof, const Ring& ring, OwnVector<Line>& notes) noexcept {
  if (!log_on(LogLevel::Debug)) return;
  for (std::size_t i = 0; i < ring.members.size(); ++i) {
    if (proof.is_dead(ring.members[i])) continue;
    Line& note = notes.emplace_back();
    note << words_for(info_of(ring.members[i], "")).view()
         << " waits in a ring, and may be woken: " << proof.why_alive(ring.members[i]).view();
  }
}

void add_proved(const vigil_probe_actor_view& view, BlockedActors& to) noexcept {
  if ((view.flags & VIGIL_ACTOR_IS_THREAD) == 0) return to.add_task(view, true);
  to.add_thread(*static_cast<const Actor*>(view.actor->watch), &view, true);
}

bool is_member(const ToldRing& ring, const Actor* actor) noexcept {
  return actor != nullptr && std::ranges::find(ring.members, key_of(*actor)) != ring.members.end();
}

// Those that wait in primitives, and then those that wait in calls of pthread's.
void add_members(ToldRing& ring) noexcept {
  for_each_actor([&](const vigil_probe_actor_view& view) {
    if (is_member(ring, static_cast<const Actor*>(view.actor->watch))) add_proved(view, ring.blocked);
    return true;
  });
  for_each_thread(
      [](Actor& thread, void* context) noexcept {
        auto& into = *static_cast<ToldRing*>(context);
        const CallKind kind = thread.thread->call.kind.load(std::memory_order_acquire);
        const bool is_blocked = kind != CallKind::None && kind != CallKind::Primitive;
        if (is_blocked && is_member(into, &thread)) into.blocked.add_thread(thread, nullptr, true);
        return true;
      },
      &ring);
  ring.blocked.name_joined();
}

// Demands that the runtime is paused.
Proof::Answer collect_proved(OwnVector<Ring>& rings, Looked& looked) noexcept {
  Proof proof(nullptr, kMostBytes);
  const Proof::Answer answer = proof.run();
  if (answer != Proof::Answer::Known) return answer;
  for (Ring& ring : rings) {
    if (!proof.are_dead(ring.members)) {
      note_living(proof, ring, looked.lives);
      continue;
    }
    if (ring.is_own_lock) {
      looked.own_locks.push_back(ring.members[0]);
      continue;
    }
    ToldRing& told = looked.proved.emplace_back();
    told.members = std::move(ring.members);
    add_members(told);
  }
  return answer;
}

}  // namespace

std::int64_t Patrol::pause_ms() const noexcept {
  if (runtime() == nullptr) return -1;
  return std::max<std::int64_t>((next_ns_ - steady_now_ns()) / 1'000'000, 0) + 1;
}

void Patrol::look() noexcept {
  const vigil_probe_runtime* const table = runtime();
  // One actor at a time, by turns: a pause would change whose turn comes. And ThreadSanitizer's runtime knows nothing
  // of this thread, which would go through the program's runtime every now and then.
  if (table == nullptr || steady_now_ns() < next_ns_ || options().schedule == Schedule::Random ||
      race::bridge::is_on()) {
    return;
  }
  const std::int64_t used_ns = used_processor_ns(this_tid());
  period_ns_ = kPeriodNs;
  vigil_probe_counts counts{};
  table->counts(&counts);
  // counts: of tasks only.
  if (counts.alive + threads_that_wait() >= counts.moving + 2 || locks::is_any_own_wait()) look_now();
  next_ns_ = steady_now_ns() + std::max(period_ns_, kShare * (used_processor_ns(this_tid()) - used_ns));
}

bool Patrol::is_any_due(const OwnVector<Ring>& rings) const noexcept {
  return std::any_of(rings.begin(), rings.end(), [&](const Ring& ring) {
    const auto known = living_.find(ring.mark);
    return known == living_.end() || known->second.next_ns <= steady_now_ns();
  });
}

// Those that live may do so for as long as the program runs. A ring that was merely looked at because another was due
// keeps its time: among many each would wait for the longest otherwise.
void Patrol::put_off(const OwnVector<Ring>& rings) noexcept {
  constexpr std::size_t kMostKnown = 1000;
  constexpr std::int64_t kMostPauseNs = 60'000'000'000;
  if (living_.size() > kMostKnown) living_.clear();
  const std::int64_t now = steady_now_ns();
  for (const Ring& ring : rings) {
    Living& one = living_[ring.mark];
    if (one.next_ns > now) continue;
    one.pause_ns = std::clamp(2 * one.pause_ns, kPeriodNs, kMostPauseNs);
    one.next_ns = now + one.pause_ns;
  }
}

void Patrol::look_now() noexcept {
  Looked looked;
  {
    const RuntimePause pause(kMostHoldNs);
    if (!pause) return;
    RingSearch search;
    for_each_actor([&](const vigil_probe_actor_view& view) {
      if (is_long_stuck(view)) search.add(view);
      return !search.is_full();
    });
    for (const BlockedThread& thread : blocked_threads(search.stacks())) {
      if (coarse_ms() - thread.since_ms >= kLongMs && !locks::is_in_told_ring(thread.key)) search.add(thread);
    }
    if (search.size() == 0 || search.mark() == quiet_mark_) return;
    OwnVector<Ring> rings = search.find(RingSearch::Through::SharedBlocks);
    if (rings.empty()) quiet_mark_ = search.mark();
    if (!is_any_due(rings)) return;
    if (collect_proved(rings, looked) == Proof::Answer::Moves) {
      period_ns_ = kSoonNs;
    } else {
      put_off(rings);
    }
  }
  for (const Line& note : looked.lives) log_line(LogLevel::Debug, note.view());
  locks::tell_own_waits(looked.own_locks);
  for (const ToldRing& ring : looked.proved) {
    tell_ring(ring.blocked);
    // After it: the end may come in between, and must not leave it out while it is not told yet.
    locks::note_told_ring(ring.members);
  }
}

}  // namespace vigil::shim::leaks
