#include "interpose/locks/lock_waits.hpp"

#include <algorithm>

#include "interpose/finding_writer.hpp"
#include "interpose/futex_lock.hpp"
#include "interpose/json_text.hpp"
#include "interpose/kernel_threads.hpp"
#include "interpose/locks/lock_misuse.hpp"
#include "interpose/object_list.hpp"
#include "interpose/threads.hpp"
#include "interpose/watch.hpp"
#include "interpose/words.hpp"

namespace vigil::shim::locks {
namespace {

struct Wait {
  Actor* actor = nullptr;
  LockObject* lock = nullptr;  // null: a join, or a call of its own
  LockId lock_id{};
  LockMode mode = LockMode::Exclusive;
  pthread_t joined{};        // the handle: the thread has a key only once it runs
  bool is_own_call = false;  // that thread makes a call for this one, and is waited for only until that returns
  bool is_own_lock = false;  // it holds that lock itself, and another may be meant to give it back
  StackId stack = kNoStack;
  std::uint32_t since_ms = 0;
  std::uint64_t round = 0;  // of all waits
};

struct Suspect {
  ActorKey start{};
  std::uint64_t rounds = 0;  // the sum over the ring: another ring with the same start has another
  int looks = 0;
};

using Ring = OwnVector<const Wait*>;  // each waits for the next, the last for the first (or for a lock left behind)

struct Waits {
  FutexLock lock;  // guards the rest
  OwnMap<ActorKey, Wait> by_actor;
  OwnVector<Suspect> suspects;
  OwnSet<ActorKey> told;  // members of rings that were told
  std::uint64_t last_round = 0;
};
constinit FutexLock making;
constinit std::atomic<Waits*> made{nullptr};
constinit std::atomic<bool> suspected{false};
constinit std::atomic<bool> any_told{false};
// Of the waits that are entered, those with is_own_lock; changed under their lock. relaxed: who asks looks again.
constinit std::atomic<std::uint32_t> own_waits{0};

Waits& the_waits() noexcept {
  // acquire: pairs with the release below.
  Waits* waits = made.load(std::memory_order_acquire);
  if (waits != nullptr) return *waits;
  making.lock();
  waits = made.load(std::memory_order_relaxed);
  if (waits == nullptr) {
    waits = own_new<Waits>();
    made.store(waits, std::memory_order_release);
  }
  making.unlock();
  return *waits;
}

class WaitsGuard {
 public:
  explicit WaitsGuard(Waits& waits) noexcept : waits_(waits), held_(lock_within(waits.lock)) {}
  ~WaitsGuard() {
    if (held_) waits_.lock.unlock();
  }
  WaitsGuard(const WaitsGuard&) = delete;
  WaitsGuard& operator=(const WaitsGuard&) = delete;
  explicit operator bool() const noexcept { return held_; }

 private:
  Waits& waits_;
  const bool held_;
};

const HeldLock* hold_of(const Actor& actor, LockId lock) noexcept {
  return actor.held.find(
      [&](const HeldLock& held) { return held.lock == lock && held.object->is_held_as(held.acquisition); });
}

// Nobody: the thread has not begun, and so waits for nothing, or has ended. Handles are not used again before the join.
ActorKey joined_by(const Wait& wait) noexcept { return key_of_thread(wait.joined); }

bool is_abandoned(const Wait& wait) noexcept {
  return wait.lock != nullptr && wait.lock->is_held() && wait.lock->abandoned.load(std::memory_order_relaxed);
}

// Depth first along who waits for whom.
class RingSearch {
 public:
  // alone: who waits for himself counts, also for one of vigil's locks.
  explicit RingSearch(const Waits& waits, bool alone = false) noexcept : waits_(waits), alone_(alone) {}

  // The ring that goes through `start`, in order; empty: there is none.
  Ring from(const Wait& start) noexcept {
    start_ = &start;
    goal_ = key_of(*start.actor);
    return extend(start) ? ring_ : Ring();
  }

 private:
  bool extend(const Wait& wait) noexcept {
    ring_.push_back(&wait);
    if (is_abandoned(wait)) return true;
    OwnVector<ActorKey> next;
    collect_holders(wait, next);
    for (const ActorKey key : next) {
      if (key == goal_) return true;
      if (!seen_.insert(key).second) continue;
      const auto found = waits_.by_actor.find(key);
      if (found != waits_.by_actor.end() && extend(found->second)) return true;
    }
    ring_.pop_back();
    return false;
  }

  // Whom that wait waits for.
  void collect_holders(const Wait& wait, OwnVector<ActorKey>& next) const noexcept {
    if (wait.lock == nullptr) {
      if (const ActorKey joined = joined_by(wait); joined != ActorKey{}) next.push_back(joined);
      return;
    }
    const LockObject& lock = *wait.lock;
    if (id_of(lock) != wait.lock_id || lock.wandered.load(std::memory_order_relaxed)) return;
    const ActorKey self = key_of(*wait.actor);
    const auto add = [&](ActorKey key) {
      if (key != self || alone_ || lock.family == LockFamily::Pthread) next.push_back(key);
    };
    if (lock.is_held()) return add(lock.holder.load(std::memory_order_relaxed));
    if (lock.type != ObjectType::RwMutex) return;
    const auto look_at = [&](ActorKey key, const Wait& other) {
      // Readers keep a writer out; where writers come first, a waiting writer keeps readers out.
      const bool reads = wait.mode == LockMode::Exclusive && hold_of(*other.actor, wait.lock_id) != nullptr;
      const bool comes_first = wait.mode == LockMode::Shared && lock.prefers_writers && other.lock == &lock &&
                               other.mode == LockMode::Exclusive;
      if (reads || comes_first) add(key);
    };
    if (!waits_.by_actor.contains(goal_)) look_at(goal_, *start_);  // it only asks what would be
    for (const auto& [key, other] : waits_.by_actor) look_at(key, other);
  }

  const Waits& waits_;
  const bool alone_;
  const Wait* start_ = nullptr;
  ActorKey goal_{};
  OwnSet<ActorKey> seen_;
  Ring ring_;
};

std::uint64_t rounds_of(const Ring& ring) noexcept {
  std::uint64_t sum = 0;
  for (const Wait* const wait : ring) sum += wait->round;
  return sum;
}

// Under the lock. Whether a ring goes through that wait.
bool suspect(Waits& waits, const Wait& start) noexcept {
  const Ring ring = RingSearch(waits).from(start);
  if (ring.empty()) return false;
  waits.suspects.push_back({.start = key_of(*start.actor), .rounds = rounds_of(ring)});
  suspected.store(true, std::memory_order_relaxed);  // the poke that follows orders it
  return true;
}

bool enter(Wait wait) noexcept {
  Waits& waits = the_waits();
  bool in_ring = false;
  {
    const WaitsGuard held(waits);
    if (!held) return false;
    wait.round = ++waits.last_round;
    wait.since_ms = coarse_ms();
    wait.actor->is_in_lock_waits = true;
    wait.is_own_lock = wait.lock != nullptr && waits_for_its_own(*wait.actor, *wait.lock);
    Wait& place = waits.by_actor[key_of(*wait.actor)];
    own_waits.fetch_add((wait.is_own_lock ? 1U : 0U) - (place.is_own_lock ? 1U : 0U), std::memory_order_relaxed);
    place = wait;
    in_ring = suspect(waits, place);
  }
  if (in_ring) watch::poke();
  return in_ring;
}

// Whether every thread of the ring sleeps in the kernel. A task has no thread to ask, and who spins is awake: such a
// ring has to stand for several looks.
bool sleeps(const Ring& ring, int looks) noexcept {
  constexpr int kLooksAtSpinners = 3;
  return std::all_of(ring.begin(), ring.end(), [looks](const Wait* wait) {
    if (wait->lock != nullptr && wait->lock->is_spin) return looks >= kLooksAtSpinners;
    const ThreadPart* const thread = wait->actor->thread;
    return thread == nullptr || kernel_state(thread->tid.load(std::memory_order_relaxed)) == KernelState::Asleep;
  });
}

// Runs differ in who came last; the finding begins where the binary says.
void turn_to_stable_start(Ring& ring) noexcept {
  const auto first = std::min_element(ring.begin(), ring.end(), [](const Wait* a, const Wait* b) {
    return stable_hash(a->stack) < stable_hash(b->stack);
  });
  std::rotate(ring.begin(), first, ring.end());
}

Phrase words_for_target(const Wait& wait) noexcept {
  Phrase words;
  if (wait.lock == nullptr) {
    const Phrase thread = words_for(info_of(joined_by(wait), ""));
    if (wait.is_own_call) return words << "for its blocking call on " << thread.view() << " to return";
    return words << "for " << thread.view() << " to end";
  }
  if (wait.lock->type == ObjectType::RwMutex) {
    words << (wait.mode == LockMode::Shared ? "to read-lock " : "to write-lock ");
  } else {
    words << "for ";
  }
  return words << words_for(*wait.lock).view();
}

// What the finding says of one ring. Its notes and held lists must live until report() returns.
class RingReport {
 public:
  explicit RingReport(Ring& ring) noexcept : ring_(ring), notes_(2 * ring.size()), held_(ring.size()) {
    turn_to_stable_start(ring_);
  }

  void tell(bool proved = false) noexcept {
    for (std::size_t i = 0; i < ring_.size(); ++i) add_waiter(i);
    for (std::size_t i = 0; i < ring_.size(); ++i) add_holder(i);
    if (is_abandoned(*ring_.back())) {
      message_ << ", whose holder has ended";
    } else {
      message_ << (ring_.size() == 1 ? ": it waits for itself" : ": each waits for the next for ever");
    }
    if (proved) message_ << ", and nobody else alive can reach that lock";
    report({.kind = Kind::Deadlock,
            .proved = proved,
            .message = message_.view(),
            .hint = {},
            .participants = participants_,
            .objects = objects_.all()});
    draw();
  }

 private:
  // Who waits for the i-th member, and what the member holds of what that one wants.
  [[nodiscard]] const Wait& before(std::size_t i) const noexcept {
    return *ring_[(i + ring_.size() - 1) % ring_.size()];
  }
  [[nodiscard]] const HeldLock* wanted_hold(std::size_t i) const noexcept {
    return before(i).lock == nullptr ? nullptr : hold_of(*ring_[i]->actor, before(i).lock_id);
  }

  void add_waiter(std::size_t i) noexcept {
    const Wait& wait = *ring_[i];
    ActorInfo actor = info_of(*wait.actor, "blocked");
    const Phrase target = words_for_target(wait);
    message_ << (i == 0 ? "" : "; ") << words_for(actor).view();
    if (const HeldLock* const hold = wanted_hold(i)) message_ << " holds " << words_for(*hold->object).view() << " and";
    message_ << " waits " << target.view();
    const std::int32_t object = wait.lock == nullptr ? -1 : objects_.index_of(info_of(*wait.lock));
    wait.actor->held.for_each([&](const HeldLock& held) {
      if (held.object->is_held_as(held.acquisition)) held_[i].push_back(objects_.index_of(info_of(*held.object)));
    });
    notes_[2 * i] << "waits " << target.view();
    participants_.push_back({.role = "waiter",
                             .actor = actor,
                             .operation = wait.lock == nullptr ? "join" : "lock",
                             .object = object,
                             .held = held_[i],
                             .stack = wait.stack,
                             .waited_ms = static_cast<std::int64_t>(coarse_ms() - wait.since_ms),
                             .note = notes_[2 * i].view()});
  }

  void add_holder(std::size_t i) noexcept {
    const HeldLock* const hold = wanted_hold(i);
    if (hold == nullptr) return;
    notes_[2 * i + 1] << words_for(*hold->object).view() << " was taken here";
    participants_.push_back({.role = "holder",
                             .actor = info_of(*ring_[i]->actor, "blocked"),
                             .operation = "lock",
                             .object = objects_.index_of(info_of(*hold->object)),
                             .held = {},
                             .stack = hold->taken_at,
                             .note = notes_[2 * i + 1].view()});
  }

  void draw() const noexcept {
    JsonText json;
    json.object().key("type").text("wait_for").key("nodes").array();
    const auto node = [&](std::string_view id) { json.object().key("id").text(id).key("label").text(id).end_object(); };
    const auto name_of = [](const Wait& wait) { return FixedText<32>() << "m" << wait.lock->id; };
    for (const Wait* const wait : ring_) {
      node(words_for(info_of(*wait->actor, "")).view());
      if (wait->lock != nullptr) node(name_of(*wait).view());
    }
    json.end_array().key("edges").array();
    const auto edge = [&](std::string_view from, std::string_view to, std::string_view label) {
      json.object().key("from").text(from).key("to").text(to).key("label").text(label).end_object();
    };
    for (std::size_t i = 0; i < ring_.size(); ++i) {
      const Wait& wait = *ring_[i];
      const Phrase from = words_for(info_of(*wait.actor, ""));
      const Phrase next = words_for(info_of(*ring_[(i + 1) % ring_.size()]->actor, ""));
      if (wait.lock == nullptr) {
        edge(from.view(), next.view(), wait.is_own_call ? "calls on" : "joins");
        continue;
      }
      edge(from.view(), name_of(wait).view(), "waits for");
      if (!is_abandoned(wait)) edge(name_of(wait).view(), next.view(), "held by");
    }
    json.end_array().end_object();
    write_record(json.view());
  }

  Ring& ring_;
  Line message_;
  ObjectList objects_;
  OwnVector<Phrase> notes_;
  OwnVector<OwnVector<std::int32_t>> held_;
  OwnVector<Participant> participants_;
};

}  // namespace

bool closes_ring(Actor& actor, LockObject& lock, LockMode mode) noexcept {
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  if (!held) return false;
  const Wait wish{.actor = &actor, .lock = &lock, .lock_id = id_of(lock), .mode = mode};
  return !RingSearch(waits).from(wish).empty();
}

void begin_wait(Actor& actor, LockObject& lock, LockMode mode, StackId stack) noexcept {
  enter({.actor = &actor, .lock = &lock, .lock_id = id_of(lock), .mode = mode, .stack = stack});
}

void begin_join(Actor& actor, pthread_t joined, StackId stack) noexcept {
  enter({.actor = &actor, .joined = joined, .stack = stack});
}

void begin_own_call(Actor& actor, StackId stack) noexcept {
  enter({.actor = &actor, .joined = pthread_self(), .is_own_call = true, .stack = stack});
}

void end_wait(Actor& actor) noexcept {
  if (!actor.is_in_lock_waits) return;
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  actor.is_in_lock_waits = false;
  if (!held) return;
  const auto wait = waits.by_actor.find(key_of(actor));
  if (wait == waits.by_actor.end()) return;
  own_waits.fetch_sub(wait->second.is_own_lock ? 1U : 0U, std::memory_order_relaxed);
  waits.by_actor.erase(wait);
}

void look_at_waiters_of(LockObject& lock) noexcept {
  Waits& waits = the_waits();
  bool found = false;
  {
    const WaitsGuard held(waits);
    if (!held) return;
    for (const auto& [key, wait] : waits.by_actor) {
      if (wait.lock == &lock) found |= suspect(waits, wait);
    }
  }
  if (found) watch::poke();
}

bool has_suspects() noexcept { return suspected.load(std::memory_order_relaxed); }

namespace {

// Who waits for a lock that he holds himself. A mutex of pthread's knows its owner and was told when it was wanted; a
// spin lock does not.
void tell_if_alone(const Ring& ring) noexcept {
  const Wait& wait = *ring.front();
  if (ring.size() != 1 || wait.lock == nullptr || is_abandoned(wait)) return;
  if (wait.lock->family == LockFamily::Vigil || wait.lock->type == ObjectType::RwMutex || wait.lock->is_spin)
    tell_double_lock(*wait.actor, *wait.lock, wait.stack);
}

}  // namespace

std::size_t tell_standing_rings() noexcept {
  constexpr int kMostLooks = 20;
  if (!has_suspects()) return 0;
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  if (!held) return 0;
  std::size_t told = 0;
  OwnVector<Suspect> open;
  for (Suspect& one : waits.suspects) {
    const auto start = waits.by_actor.find(one.start);
    if (start == waits.by_actor.end() || waits.told.contains(one.start)) continue;
    Ring ring = RingSearch(waits).from(start->second);
    if (ring.empty() || rounds_of(ring) != one.rounds) continue;
    if (!sleeps(ring, one.looks)) {
      if (++one.looks < kMostLooks) open.push_back(one);
      continue;
    }
    tell_if_alone(ring);
    RingReport(ring).tell();
    for (const Wait* const wait : ring) waits.told.insert(key_of(*wait->actor));
    any_told.store(true, std::memory_order_relaxed);
    ++told;
  }
  waits.suspects = std::move(open);
  suspected.store(!waits.suspects.empty(), std::memory_order_relaxed);
  return told;
}

void tell_final_rings() noexcept {
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  if (!held) return;
  for (const auto& [key, wait] : waits.by_actor) {
    if (waits.told.contains(key)) continue;
    Ring ring = RingSearch(waits, true).from(wait);
    const bool known = std::any_of(ring.begin(), ring.end(),
                                   [&](const Wait* one) { return waits.told.contains(key_of(*one->actor)); });
    if (ring.empty() || known) continue;
    tell_if_alone(ring);
    RingReport(ring).tell();
    for (const Wait* const one : ring) waits.told.insert(key_of(*one->actor));
    any_told.store(true, std::memory_order_relaxed);
  }
}

bool waits_for_its_own(const Actor& actor, const LockObject& lock) noexcept {
  return lock.family == LockFamily::Vigil && hold_of(actor, id_of(lock)) != nullptr;
}

bool is_any_own_wait() noexcept { return own_waits.load(std::memory_order_relaxed) != 0; }

void tell_own_waits(std::span<const ActorKey> actors) noexcept {
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  if (!held) return;
  for (const ActorKey actor : actors) {
    const auto wait = waits.by_actor.find(actor);
    if (wait == waits.by_actor.end() || waits.told.contains(actor)) continue;
    Ring ring = RingSearch(waits, true).from(wait->second);
    if (ring.size() != 1) continue;
    tell_if_alone(ring);
    RingReport(ring).tell(true);
    waits.told.insert(actor);
    any_told.store(true, std::memory_order_relaxed);
  }
}

void note_told_ring(std::span<const ActorKey> members) noexcept {
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  if (!held) return;
  waits.told.insert(members.begin(), members.end());
  any_told.store(true, std::memory_order_relaxed);
}

bool is_in_told_ring(ActorKey actor) noexcept {
  if (!ring_was_told()) return false;
  Waits& waits = the_waits();
  const WaitsGuard held(waits);
  return held && waits.told.contains(actor);
}

bool ring_was_told() noexcept { return any_told.load(std::memory_order_relaxed); }

void forget_waits_after_fork() noexcept {
  making.reset_after_fork();
  any_told.store(false, std::memory_order_relaxed);
  suspected.store(false, std::memory_order_relaxed);
  own_waits.store(0, std::memory_order_relaxed);
  if (Waits* const waits = made.load(std::memory_order_relaxed)) {
    waits->lock.reset_after_fork();
    waits->by_actor.clear();
    waits->suspects.clear();
    waits->told.clear();
  }
}

}  // namespace vigil::shim::locks
