#include "interpose/race/vector_clock.hpp"

#include <utility>

#include "interpose/race/slot_pool.hpp"

namespace vigil::shim::race {

struct ClockOps {
  static Epoch epoch(const ActorClock& actor) noexcept { return actor.at_; }

  static bool knows(const ActorClock& actor, Epoch epoch) noexcept {
    if (epoch.slot() == actor.at_.slot()) return epoch.time() <= actor.at_.time();
    return actor.known_.knows(epoch);
  }

  // Whether who answers knows(epoch) knows all that actor knows of others. false may be wrong, true is not.
  template <class Knows>
  static bool covers(const Knows& knows, const ActorClock& actor) noexcept {
    if (actor.needs_self_ && !actor.known_.is_few() && !knows(Epoch(actor.at_.slot(), actor.at_.time() - 1)))
      return false;
    return actor.known_.frontier_within(knows);
  }

  // Whether what the actor knows, its own epoch included, and that are few: then both are joined slot by slot.
  static bool are_few(const ActorClock& actor, const Knowledge& other) noexcept {
    return actor.known_.is_few() && other.is_few() && FewTimes::holds(actor.slot());
  }

  // The actor released: what it does from now on is a new epoch, and its own last release alone is its frontier.
  static void advance(ActorClock& actor) noexcept {
    actor.known_.reset_frontier();
    actor.used_ = false;
    actor.kept_ = false;
    if (actor.at_.time() == kLastTime) [[unlikely]] {
      actor.known_.add(epoch(actor), true, Epoch());
      settle(actor, slot_pool.take_fresh());
      return;
    }
    actor.at_ = Epoch(actor.at_.slot(), actor.at_.time() + 1);
    actor.needs_self_ = true;
  }

  static void settle(ActorClock& actor, Epoch first) noexcept {
    actor.at_ = first;
    actor.used_ = false;
    actor.kept_ = false;
    actor.needs_self_ = false;
  }

  // out = all that actor knows, and its current epoch as the only point of the frontier.
  static void snapshot(ActorClock& actor, Knowledge& out) noexcept {
    // Spilt here, in the actor, so that the next release need not do it again. The frontier it costs is replaced
    // anyway.
    if (actor.known_.recent_count() == Knowledge::kRecent) actor.known_.spill(epoch(actor));
    out = actor.known_;
    out.add_over_all(epoch(actor));
  }

  // K(actor) += news. may_adopt: news covers what the actor knew before.
  static void learn(ActorClock& actor, const Knowledge& news, bool may_adopt) noexcept {
    if (may_adopt) {
      actor.known_ = news;
      actor.needs_self_ = false;
    } else {
      actor.known_.join(
          news, epoch(actor), [&](Epoch point) { return knows(actor, point); },
          [&](Epoch point) { return news.knows(point); });
    }
    // A frontier point of the actor's own is not lost with its recent epoch: the actor's last release is a later one.
    if (actor.known_.forget(actor.slot())) actor.needs_self_ = true;
  }

  static void acquire(ActorClock& actor, const SyncClock& sync) noexcept {
    if (are_few(actor, sync.known_)) [[likely]] {
      actor.known_.few().join(sync.known_.few());
      actor.known_.few().set(actor.slot(), 0);
      return;
    }
    if (sync.known_.frontier_within([&](Epoch point) { return knows(actor, point); })) return;
    learn(actor, sync.known_, covers([&](Epoch point) { return sync.known_.knows(point); }, actor));
  }

  static void release_store(ActorClock& actor, SyncClock& sync) noexcept {
    snapshot(actor, sync.known_);
    advance(actor);
  }

  static void release_merge(ActorClock& actor, SyncClock& sync) noexcept {
    if (are_few(actor, sync.known_)) [[likely]] {
      sync.known_.few().join(actor.known_.few());
      sync.known_.few().set(actor.slot(), actor.at_.time());
      return advance(actor);
    }
    if (sync.known_.frontier_within([&](Epoch point) { return knows(actor, point); })) {
      release_store(actor, sync);
      return;
    }
    if (!covers([&](Epoch point) { return sync.known_.knows(point); }, actor)) sync.known_.merge(actor.known_);
    sync.known_.add(epoch(actor), true, Epoch());
    advance(actor);
  }

  static void acquire_and_release(ActorClock& actor, SyncClock& sync) noexcept {
    if (are_few(actor, sync.known_)) [[likely]] {
      actor.known_.few().join_both(sync.known_.few());
      actor.known_.few().set(actor.slot(), 0);
      sync.known_.few().set(actor.slot(), actor.at_.time());
      return advance(actor);
    }
    acquire(actor, sync);
    release_merge(actor, sync);
  }

  // The same as below where the slot holds all that the actor knew before: the two change places, and no reference to
  // a tree that all partners share is counted.
  static void exchange(ActorClock& actor, SyncClock& sync) noexcept {
    if (actor.known_.recent_count() == Knowledge::kRecent) actor.known_.spill(epoch(actor));
    std::swap(actor.known_, sync.known_);
    sync.known_.add_over_all(epoch(actor));
    settle(actor, Epoch(actor.at_.slot(), actor.at_.time() + 1));
    actor.needs_self_ = actor.known_.forget(actor.slot());  // as in learn()
  }

  static void release_store_acquire(ActorClock& actor, SyncClock& sync) noexcept {
    if (are_few(actor, sync.known_)) [[likely]] {
      actor.known_.few().swap_and_join(sync.known_.few());
      actor.known_.few().set(actor.slot(), 0);
      sync.known_.few().set(actor.slot(), actor.at_.time());
      return advance(actor);
    }
    if (sync.known_.frontier_within([&](Epoch point) { return knows(actor, point); })) {
      release_store(actor, sync);
      return;
    }
    const bool may_adopt = covers([&](Epoch point) { return sync.known_.knows(point); }, actor);
    if (may_adopt && actor.at_.time() != kLastTime) [[likely]]
      return exchange(actor, sync);
    const Knowledge held = std::exchange(sync.known_, Knowledge());
    const ClockSlot slot = actor.slot();
    release_store(actor, sync);
    learn(actor, held, may_adopt && actor.slot() == slot);  // held does not know the end of a slot that just ran out
  }

  static void merge(SyncClock& into, const SyncClock& from) noexcept {
    if (into.known_.is_few() && from.known_.is_few()) return into.known_.few().join(from.known_.few());
    const auto into_knows = [&](Epoch point) { return into.known_.knows(point); };
    const auto from_knows = [&](Epoch point) { return from.known_.knows(point); };
    if (from.known_.frontier_within(into_knows)) return;
    if (into.known_.frontier_within(from_knows)) {
      into.known_ = from.known_;
    } else {
      into.known_.join(from.known_, Epoch(), into_knows, from_knows);
    }
  }
  static bool knows_all(const ActorClock& actor, const SyncClock& sync) noexcept {
    return sync.known_.frontier_within([&](Epoch point) { return knows(actor, point); });
  }

  static void meet_few(ActorClock& a, ActorClock& b) noexcept {
    FewTimes& one = a.known_.few();
    FewTimes& other = b.known_.few();
    one.join(other);
    other = one;
    one.set(a.slot(), 0);
    one.set(b.slot(), b.at_.time());
    other.set(b.slot(), 0);
    other.set(a.slot(), a.at_.time());
    advance(a);
    advance(b);
  }

  static void meet(ActorClock& a, ActorClock& b) noexcept {
    if (are_few(a, b.known_) && FewTimes::holds(b.slot())) [[likely]]
      return meet_few(a, b);
    const Epoch at_a = epoch(a);
    const Epoch at_b = epoch(b);
    const bool b_covers = covers([&](Epoch point) { return knows(b, point); }, a);
    // Whoever knows at_a from now on has it from here, from b or from a's later releases, and so knows all that both
    // know now; the same of at_b.
    if (b_covers || covers([&](Epoch point) { return knows(a, point); }, b)) {
      share(a, b, b_covers ? b.known_ : a.known_, b_covers ? at_b : at_a);
    } else {
      a.known_.meet(b.known_, at_a, at_b);
    }
    advance(a);
    advance(b);
  }

  // A meeting of two, one of whom knows all that the other does: all.
  static void share(ActorClock& a, ActorClock& b, Knowledge& all, Epoch author) noexcept {
    all.forget(a.slot());
    all.forget(b.slot());
    // Spilt before it is shared: one private path instead of two. Below that the partner's epoch still finds room.
    if (all.recent_count() + 1 >= Knowledge::kRecent) all.spill(author);
    (&all == &b.known_ ? a.known_ : b.known_) = all;
    a.known_.add(epoch(b), false, epoch(a));
    b.known_.add(epoch(a), false, epoch(b));
  }

  static void start(ActorClock& first) noexcept {
    first.known_.clear();
    settle(first, slot_pool.take_fresh());
  }

  static void start(ActorClock& child, ActorClock& parent) noexcept {
    snapshot(parent, child.known_);
    settle(child, slot_pool.take([&](Epoch last) { return knows(parent, last); }));
    child.known_.forget(child.slot());
    advance(parent);
  }

  static void end(ActorClock& actor) noexcept {
    // An epoch that was given out and is not released now never will be.
    if (!actor.used_) {
      const Epoch last(actor.at_.slot(), actor.at_.time() - 1);
      if (actor.kept_) {
        slot_pool.bury(last);
      } else {
        slot_pool.give_back(last);
      }
    }
    actor.known_.clear();
    actor.at_ = Epoch();
  }

  static Epoch now(ActorClock& actor) noexcept {
    actor.used_ = true;
    return epoch(actor);
  }

  static bool knows(const SyncClock& sync, Epoch epoch) noexcept { return sync.known_.knows(epoch); }
  static void check(const ActorClock& actor) noexcept {
    actor.known_.check_invariants([&](Epoch stamp) { return knows(actor, stamp); });
  }
};

void start(ActorClock& first) noexcept { ClockOps::start(first); }
void start(ActorClock& child, ActorClock& parent) noexcept { ClockOps::start(child, parent); }
void end(ActorClock& actor) noexcept { ClockOps::end(actor); }
void acquire(ActorClock& actor, const SyncClock& sync) noexcept { ClockOps::acquire(actor, sync); }
void release_store(ActorClock& actor, SyncClock& sync) noexcept { ClockOps::release_store(actor, sync); }
void release_merge(ActorClock& actor, SyncClock& sync) noexcept { ClockOps::release_merge(actor, sync); }
void acquire_and_release(ActorClock& actor, SyncClock& sync) noexcept { ClockOps::acquire_and_release(actor, sync); }
void release_store_acquire(ActorClock& actor, SyncClock& sync) noexcept {
  ClockOps::release_store_acquire(actor, sync);
}
void merge(SyncClock& into, const SyncClock& from) noexcept { ClockOps::merge(into, from); }
bool knows_all(const ActorClock& actor, const SyncClock& sync) noexcept { return ClockOps::knows_all(actor, sync); }
void meet(ActorClock& a, ActorClock& b) noexcept { ClockOps::meet(a, b); }
Epoch now(ActorClock& actor) noexcept { return ClockOps::now(actor); }
void check_invariants(const ActorClock& actor) noexcept { ClockOps::check(actor); }
bool happened_before(Epoch epoch, const ActorClock& actor) noexcept { return ClockOps::knows(actor, epoch); }
bool happened_before(Epoch epoch, const SyncClock& sync) noexcept { return ClockOps::knows(sync, epoch); }

}  // namespace vigil::shim::race
