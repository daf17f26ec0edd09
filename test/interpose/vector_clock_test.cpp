#include "interpose/race/vector_clock.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "interpose/own_memory.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/slot_pool.hpp"
#include "test/interpose/naive_clock.hpp"

namespace vigil::shim::race {
namespace {

std::uint32_t slot_number(const ActorClock& actor) { return static_cast<std::uint32_t>(actor.slot()); }

TEST(VectorClock, ParentsPastIsKnownToTheChild) {
  ActorClock parent;
  start(parent);
  const Epoch before = now(parent);
  ActorClock child;
  start(child, parent);
  const Epoch after = now(parent);
  EXPECT_TRUE(happened_before(before, child));
  EXPECT_FALSE(happened_before(after, child));
  EXPECT_FALSE(happened_before(now(child), parent));
  end(child);
  end(parent);
}

TEST(VectorClock, AcquireLearnsWhatWasReleasedAndNothingLater) {
  ActorClock first;
  ActorClock second;
  start(first);
  start(second);
  SyncClock lock;
  EXPECT_TRUE(lock.empty());
  const Epoch before = now(first);
  release_store(first, lock);
  const Epoch after = now(first);
  EXPECT_TRUE(happened_before(before, lock));
  EXPECT_FALSE(happened_before(before, second));
  acquire(second, lock);
  EXPECT_TRUE(happened_before(before, second));
  EXPECT_FALSE(happened_before(after, second));
  end(first);
  end(second);
}

TEST(VectorClock, ReleaseStoreForgetsFormerReleasers) {
  ActorClock first;
  ActorClock second;
  ActorClock reader;
  start(first);
  start(second);
  start(reader);
  SyncClock sync;
  const Epoch of_first = now(first);
  const Epoch of_second = now(second);
  release_store(first, sync);
  release_store(second, sync);
  acquire(reader, sync);
  EXPECT_FALSE(happened_before(of_first, reader));
  EXPECT_TRUE(happened_before(of_second, reader));
  for (ActorClock* const actor : {&first, &second, &reader}) end(*actor);
}

TEST(VectorClock, MeetOrdersBothWays) {
  ActorClock sender;
  ActorClock receiver;
  start(sender);
  start(receiver);
  const Epoch sent = now(sender);
  const Epoch received = now(receiver);
  meet(sender, receiver);
  EXPECT_TRUE(happened_before(sent, receiver));
  EXPECT_TRUE(happened_before(received, sender));
  EXPECT_FALSE(happened_before(now(sender), receiver));
  EXPECT_FALSE(happened_before(now(receiver), sender));
  end(sender);
  end(receiver);
}

// More releasers than a frontier has room for: what came from them has no few epochs to stand for it.
TEST(VectorClock, WhatManyReleasedTogetherIsNotForgottenForALaterSnapshot) {
  std::vector<ActorClock> many(6);
  ActorClock other;
  ActorClock third;
  ActorClock self;
  for (ActorClock* const actor : {&other, &third, &self}) start(*actor);
  SyncClock from_other;
  SyncClock group;
  SyncClock from_third;
  release_store(other, from_other);
  acquire(self, from_other);
  std::vector<Epoch> epochs;
  for (ActorClock& actor : many) {
    start(actor);
    epochs.push_back(now(actor));
    release_merge(actor, group);
  }
  acquire(self, group);
  acquire(third, from_other);  // third now knows all that self's frontier names, but nothing of the group
  release_store(third, from_third);
  acquire(self, from_third);
  for (const Epoch epoch : epochs) EXPECT_TRUE(happened_before(epoch, self));
  for (ActorClock* const actor : {&other, &third, &self}) end(*actor);
  for (ActorClock& actor : many) end(actor);
}

TEST(SlotReuse, SlotOfAJoinedChildServesTheNextOne) {
  ActorClock parent;
  start(parent);
  const std::uint32_t made_before = slot_pool.ever_made();
  SyncClock joined;
  for (int i = 0; i < 1000; ++i) {
    ActorClock child;
    start(child, parent);
    static_cast<void>(now(child));
    release_merge(child, joined);
    end(child);
    acquire(parent, joined);
  }
  EXPECT_LE(slot_pool.ever_made() - made_before, 8U);
  end(parent);
}

TEST(SlotReuse, SlotIsNotReusedByOneWhoDoesNotKnowItsEnd) {
  ActorClock parent;
  start(parent);
  ActorClock child;
  start(child, parent);
  SyncClock nobody_reads;
  const Epoch in_child = now(child);
  release_store(child, nobody_reads);
  const std::uint32_t slot = slot_number(child);
  end(child);
  ActorClock next;
  start(next, parent);
  EXPECT_NE(slot_number(next), slot);
  EXPECT_FALSE(happened_before(in_child, next));
  end(next);
  end(parent);
}

TEST(SlotReuse, UnpublishedLastEpochKeepsItsSlotForEver) {
  ActorClock parent;
  start(parent);
  ActorClock child;
  start(child, parent);
  SyncClock joined;
  release_store(child, joined);
  const Epoch after_the_release = now(child);
  const std::uint32_t slot = slot_number(child);
  end(child);
  acquire(parent, joined);
  for (int i = 0; i < 50; ++i) {
    ActorClock next;
    start(next, parent);
    EXPECT_NE(slot_number(next), slot);
    EXPECT_FALSE(happened_before(after_the_release, next));
    end(next);
  }
  end(parent);
}

// One random program, run on the real clocks and on the naive ones side by side.
class Twin {
 public:
  Twin(std::uint64_t seed, std::size_t most_actors, std::size_t syncs) : random_(seed), most_actors_(most_actors) {
    syncs_.resize(syncs);
    add_root();
  }
  ~Twin() {
    for (Pair& pair : actors_) end(pair.real);
  }
  Twin(const Twin&) = delete;
  Twin& operator=(const Twin&) = delete;

  void step() {
    switch (pick(17)) {
      case 0:
        spawn();
        break;
      case 1:
        finish();
        break;
      case 2:
      case 3:
      case 4:
        acquire_one();
        break;
      case 5:
      case 6:
        store_one();
        break;
      case 7:
        merge_one();
        break;
      case 8:
      case 9:
        swap_one();
        break;
      case 10:
      case 11:
        meet_two();
        break;
      case 12:
      case 13:
        remember();
        break;
      case 14:
        change_one();
        break;
      case 15:
        forget_sync();
        break;
      default:
        if (pick(50) == 0) add_root();
        break;
    }
  }

  // Every remembered epoch against every actor and every sync object.
  void compare() const {
    for (const Pair& pair : actors_) check_invariants(pair.real);
    for (const Moment& moment : moments_) {
      for (const Pair& pair : actors_) {
        ASSERT_EQ(happened_before(moment.real, pair.real), pair.naive.knows(moment.naive))
            << "epoch " << moment.naive.time << " of actor " << moment.naive.actor << " at actor " << pair.naive.number;
      }
      for (const SyncPair& sync : syncs_) {
        ASSERT_EQ(happened_before(moment.real, sync.real), sync.naive.at(moment.naive.actor) >= moment.naive.time);
      }
    }
  }

 private:
  struct Pair {
    ActorClock real;
    NaiveActor naive;
  };
  struct SyncPair {
    SyncClock real;
    NaiveClock naive;
  };
  struct Moment {
    Epoch real;
    NaiveEpoch naive;
  };

  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  Pair& any_actor() { return actors_[pick(actors_.size())]; }
  SyncPair& any_sync() { return syncs_[pick(syncs_.size())]; }

  void add_root() {
    if (actors_.size() >= most_actors_) return;
    Pair& root = actors_.emplace_back();
    root.naive.number = next_number_++;
    start(root.real);
  }
  void spawn() {
    if (actors_.size() >= most_actors_) return;
    const std::size_t parent = pick(actors_.size());
    Pair child;
    child.naive.number = next_number_++;
    child.naive.known = actors_[parent].naive.publish();
    start(child.real, actors_[parent].real);
    actors_.push_back(std::move(child));
  }
  void finish() {
    if (actors_.size() < 2) return;
    const std::size_t who = pick(actors_.size());
    if (pick(2) == 0) {  // joined by somebody
      SyncPair joined;
      joined.naive = actors_[who].naive.publish();
      release_store(actors_[who].real, joined.real);
      Pair& other = any_actor();
      if (&other != &actors_[who]) {
        other.naive.known.join(joined.naive);
        acquire(other.real, joined.real);
      }
    }
    end(actors_[who].real);
    actors_.erase(actors_.begin() + static_cast<std::ptrdiff_t>(who));
  }
  void acquire_one() {
    Pair& actor = any_actor();
    const SyncPair& sync = any_sync();
    actor.naive.known.join(sync.naive);
    acquire(actor.real, sync.real);
  }
  void store_one() {
    Pair& actor = any_actor();
    SyncPair& sync = any_sync();
    sync.naive = actor.naive.publish();
    release_store(actor.real, sync.real);
  }
  void merge_one() {
    Pair& actor = any_actor();
    SyncPair& sync = any_sync();
    sync.naive.join(actor.naive.publish());
    release_merge(actor.real, sync.real);
  }
  void swap_one() {
    Pair& actor = any_actor();
    SyncPair& sync = any_sync();
    const NaiveClock held = sync.naive;
    sync.naive = actor.naive.publish();
    actor.naive.known.join(held);
    release_store_acquire(actor.real, sync.real);
  }
  void change_one() {
    Pair& actor = any_actor();
    SyncPair& sync = any_sync();
    actor.naive.known.join(sync.naive);
    sync.naive.join(actor.naive.publish());
    acquire_and_release(actor.real, sync.real);
  }
  void meet_two() {
    Pair& a = any_actor();
    Pair& b = any_actor();
    if (&a == &b) return;
    const NaiveClock of_a = a.naive.publish();
    const NaiveClock of_b = b.naive.publish();
    a.naive.known.join(of_b);
    b.naive.known.join(of_a);
    meet(a.real, b.real);
  }
  void remember() {
    Pair& actor = any_actor();
    if (moments_.size() == 40) moments_.pop_front();
    moments_.push_back({now(actor.real), actor.naive.now()});
  }
  void forget_sync() {
    SyncPair& sync = any_sync();
    sync.real.clear();
    sync.naive = {};
  }

  std::mt19937_64 random_;
  std::size_t most_actors_;
  std::size_t next_number_ = 0;
  std::deque<Pair> actors_;
  std::vector<SyncPair> syncs_;
  std::deque<Moment> moments_;
};

std::uint64_t first_seed() {
  const char* const given = std::getenv("VIGIL_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

// The first slots are handed out in here, whoever else has them.
class FirstSlots {
 public:
  explicit FirstSlots(ClockTime first_time) {
    slot_pool.swap(mine_);
    slot_pool.set_first_time(first_time);
  }
  ~FirstSlots() { slot_pool.swap(mine_); }
  FirstSlots(const FirstSlots&) = delete;
  FirstSlots& operator=(const FirstSlots&) = delete;

 private:
  SlotPool mine_;
};

// Clocks of the first slots have a form of their own, and outgrow it: so every second program begins with them.
void run_twins(std::size_t programs, std::size_t steps, std::size_t most_actors, std::size_t syncs,
               ClockTime first_time = 1) {
  const std::uint64_t first = first_seed();
  std::optional<FirstSlots> slots;
  for (std::uint64_t seed = first; seed < first + programs; ++seed) {
    SCOPED_TRACE("VIGIL_TEST_SEED=" + std::to_string(seed));
    if (seed % 2 == 0 || !slots.has_value()) slots.emplace(first_time);
    Twin twin(seed, most_actors, syncs);
    for (std::size_t i = 0; i < steps; ++i) {
      twin.step();
      if (i % 8 == 0) twin.compare();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(VectorClockTwin, FewActorsAgreeWithFullArrays) { run_twins(100, 800, 4, 2); }
TEST(VectorClockTwin, SomeActorsAgreeWithFullArrays) { run_twins(60, 1500, 12, 4); }
TEST(VectorClockTwin, ManyActorsAgreeWithFullArrays) { run_twins(12, 4000, 120, 12); }

TEST(VectorClockTwin, ActorsWhoseTimeRunsOutMoveToAFreshSlotUnnoticed) { run_twins(40, 1500, 8, 4, kLastTime - 11); }

// Asked before any node is made: they are counted from then on.
const std::size_t nodes_at_first = ClockTree::nodes();

TEST(ClockNodes, AllAreGivenBack) {
  ASSERT_EQ(nodes_at_first, 0U);
  const std::size_t before = ClockTree::nodes();
  run_twins(5, 3000, 60, 8);
  EXPECT_EQ(ClockTree::nodes(), before);
}

TEST(ClockNodes, SharedByThreadsAreGivenBack) {
  const std::size_t before = ClockTree::nodes();
  {
    std::vector<std::thread> threads;
    std::vector<SyncClock> locks(8);
    std::vector<FutexLock> guards(8);
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937_64 random(t);
        std::vector<ActorClock> mine(6);
        for (ActorClock& actor : mine) start(actor);
        for (int i = 0; i < 20000; ++i) {
          ActorClock& actor = mine[random() % mine.size()];
          const std::size_t lock = random() % locks.size();
          guards[lock].lock();
          acquire(actor, locks[lock]);
          if (i % 3 == 0) release_store(actor, locks[lock]);
          if (i % 3 == 1) release_merge(actor, locks[lock]);
          guards[lock].unlock();
          if (i % 100 == 0) end(actor), start(actor, mine[0].started() ? mine[0] : mine[1]);
        }
        for (ActorClock& actor : mine) end(actor);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(ClockTree::nodes(), before);
}

// A hundred thousand alive, each with its own identity, all started by one, told to end through one closed channel,
// joined by one wait group.
TEST(VectorClockScale, HundredThousandActorsStayDistinctAndCheap) {
  constexpr std::size_t kActors = 100'000;
  ActorClock main;
  start(main);
  const std::size_t mapped_before = own_memory_mapped();
  const std::size_t nodes_before = ClockTree::nodes();
  std::vector<ActorClock> actors(kActors);
  std::vector<Epoch> inside(kActors);
  for (std::size_t i = 0; i < kActors; ++i) {
    start(actors[i], main);
    inside[i] = now(actors[i]);
  }
  EXPECT_LE(ClockTree::nodes() - nodes_before, 16U);  // nobody has learnt anything of anybody but main

  SyncClock closed;
  release_store(main, closed);
  for (ActorClock& actor : actors) acquire(actor, closed);
  EXPECT_LE(ClockTree::nodes() - nodes_before, 16U);
  for (std::size_t i = 1; i < kActors; i += 997) EXPECT_FALSE(happened_before(inside[i - 1], actors[i]));

  SyncClock group;
  for (ActorClock& actor : actors) {
    release_merge(actor, group);
    end(actor);
  }
  acquire(main, group);
  for (const Epoch epoch : inside) ASSERT_TRUE(happened_before(epoch, main));
  EXPECT_GE(ClockTree::nodes() - nodes_before, 1U);
  EXPECT_LE(ClockTree::nodes() - nodes_before, kActors / 16 * 2);
  EXPECT_LE(own_memory_mapped() - mapped_before, std::size_t{16} << 20U);
  end(main);
}

}  // namespace
}  // namespace vigil::shim::race
