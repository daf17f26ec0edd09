#include "interpose/leaks/leak_scan.hpp"

#include <algorithm>

#include "interpose/deadlock.hpp"
#include "interpose/finding_writer.hpp"
#include "interpose/leaks/proof.hpp"
#include "interpose/leaks/rings.hpp"
#include "interpose/life/at_exit.hpp"
#include "interpose/life/ends_in_time.hpp"
#include "interpose/life/timers.hpp"
#include "interpose/locks/lock_waits.hpp"
#include "interpose/object_list.hpp"
#include "interpose/runtime_view.hpp"
#include "interpose/waits.hpp"

namespace vigil::shim::leaks {
namespace {

constexpr std::uint64_t kPauseNs = 500'000'000;

// A leaked task that waits for a ticker shows that the ticker was left as well.
void tell_ticker(const vigil_probe_actor_view& view) noexcept {
  if (view.actor->watch == nullptr || view.saved == nullptr || view.wait->case_count == 0) return;
  const StackId stack = capture_parked(*view.saved, view.stack_low, view.stack_high);
  timers::tell_ticker_of(*view.wait, *static_cast<const Actor*>(view.actor->watch), stack);
}

template <class Visit>
void for_each_leaked(Visit&& visit) noexcept {
  for_each_actor([&](const vigil_probe_actor_view& view) {
    const auto* const actor = static_cast<const Actor*>(view.actor->watch);
    if (is_leaked(view) && (actor == nullptr || !locks::is_in_told_ring(key_of(*actor)))) visit(view);
    return true;
  });
}

bool is_among(const OwnVector<ActorKey>& keys, const vigil_probe_actor_view& view) noexcept {
  const auto* const actor = static_cast<const Actor*>(view.actor->watch);
  return actor != nullptr && std::find(keys.begin(), keys.end(), key_of(*actor)) != keys.end();
}

// Those who wait for each other are deadlocked, and no leaks besides.
struct Found {
  BlockedActors leaked;
  OwnVector<BlockedActors> rings;
  OwnVector<ActorKey> own_locks;  // proved: who waits for a lock of its own
};

enum class Which : std::uint8_t { All, Proved };

void collect(Found& found, Which which) noexcept {
  RingSearch search;
  bool any = false;
  for_each_leaked([&](const vigil_probe_actor_view& view) {
    any = true;
    search.add(view);
  });
  if (!any) return;  // memory is searched only for somebody
  Proof proof(&current_actor());
  proof.run();
  // What waits in a structure that is shared is a leak at the end, proved or not: whether the proof comes about must
  // not decide between two kinds.
  OwnVector<Ring> rings = search.find(RingSearch::Through::Stacks);
  std::erase_if(rings, [&](const Ring& ring) {
    if (ring.is_own_lock) {
      if (proof.are_dead(ring.members)) found.own_locks.push_back(ring.members[0]);
      return true;
    }
    const bool is_dead = proof.are_dead(ring.members) && !proof.lean_on_shared(ring.members);
    return !is_dead && (which == Which::Proved || !ring.among_themselves);
  });
  found.rings.resize(rings.size());
  for_each_leaked([&](const vigil_probe_actor_view& view) {
    for (std::size_t i = 0; i < rings.size(); ++i) {
      if (is_among(rings[i].members, view)) return found.rings[i].add_task(view, proof.is_dead(view));
    }
    if (is_among(found.own_locks, view) || (which == Which::Proved && !proof.is_dead(view))) return;
    found.leaked.add_task(view, proof.is_dead(view));
    if (which == Which::All) tell_ticker(view);
  });
}

void tell_proof(Line& message, const BlockedGroup& group) noexcept {
  if (group.proved == 0) return;
  message << "; ";
  if (group.proved < group.count) message << "of " << group.proved << " of them it is proved that ";
  if (group.target.objects.empty()) {
    message << "nothing can end that wait";
  } else {
    message << "nobody alive can end that wait: outside the stacks of tasks that wait like this, nothing in memory "
               "(heap, globals, "
            << "other stacks and their registers were searched) refers to what it waits for";
  }
}

// What helps a task that receives from a timer alone; "" for any other.
std::string_view hint_for(const BlockedGroup& group) noexcept {
  const auto& objects = group.target.objects;
  const bool waits_for_timer = group.target.operation == "receive" && objects.size() == 1 &&
                               timers::feeds(reinterpret_cast<const void*>(objects[0].address));
  return waits_for_timer
             ? "Select on the context's done beside the timer: its channel is never closed, by stop() neither."
             : std::string_view();
}

void tell(const BlockedGroup& group) noexcept {
  Line message;
  message << words_for(group.actor).view();
  if (group.count > 1) message << " and " << group.count - 1 << " like it";
  message << (group.count > 1 ? " have waited " : " has waited ");
  if (group.waited_ms >= 0) {
    if (group.count > 1) message << "up to ";
    message << words_for_ms(group.waited_ms).view() << " ";
  }
  message << group.target.words.view() << ", and the program ended";
  tell_proof(message, group);
  ObjectList objects;
  for (const ObjectInfo& object : group.target.objects) objects.index_of(object);
  OwnVector<Participant> participants;
  OwnDeque<Phrase> history;
  participants.push_back({.role = "waiter",
                          .actor = group.actor,
                          .operation = group.target.operation,
                          .object = objects.all().empty() ? -1 : 0,
                          .held = {},
                          .stack = group.stack,
                          .waited_ms = group.waited_ms,
                          .note = "it waits here"});
  add_history(group, objects, participants, history);
  report({.kind = Kind::TaskLeak,
          .proved = group.proved == group.count,
          .message = message.view(),
          .hint = hint_for(group),
          .participants = participants,
          .objects = objects.all(),
          .count = group.count});
}

void report_those(Which which) noexcept {
  if (runtime() == nullptr) return;
  Found found;
  {
    const RuntimePause pause(kPauseNs);
    if (!pause) return;
    collect(found, which);
  }
  locks::tell_own_waits(found.own_locks);
  for (const BlockedActors& ring : found.rings) tell_ring(ring);
  for (const BlockedGroup* const group : found.leaked.groups()) tell(*group);
}

}  // namespace

bool is_leaked(const vigil_probe_actor_view& view) noexcept {
  constexpr std::uint32_t kOthers = VIGIL_ACTOR_IS_THREAD | VIGIL_ACTOR_IS_DAEMON;
  return (view.flags & kOthers) == 0 && view.state == VIGIL_TASK_PARKED && view.wait != nullptr &&
         needs_others(*view.wait) && !ends_in_time(*view.wait) && !at_exit::outlives_context(view) &&
         !at_exit::was_told_at_work(view.actor->id);
}

void report_leaks() noexcept { report_those(Which::All); }
void report_proved_leaks() noexcept { report_those(Which::Proved); }

}  // namespace vigil::shim::leaks
