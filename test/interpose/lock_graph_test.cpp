#include "interpose/locks/lock_graph.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace vigil::shim::locks {
namespace {

// Actors with clocks, and the graph under test. A witness is named by the number in its taken_at.
class World {
 public:
  explicit World(std::size_t actors) : clocks_(actors) {
    for (race::ActorClock& clock : clocks_) race::start(clock);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Everything `earlier` did so far happens before what `later` does from now on.
  void order(std::size_t earlier, std::size_t later) {
    race::SyncClock message;
    race::release_store(clocks_[earlier], message);
    race::acquire(clocks_[later], message);
  }

  struct Step {
    std::size_t actor;
    std::uint64_t from, to;
    std::vector<Gate> gates = {};
    LockMode held = LockMode::Exclusive, wanted = LockMode::Exclusive;
  };
  // Returns the witness's number.
  std::uint32_t add(const Step& step) {
    race::ActorClock& clock = clocks_[step.actor];
    Witness witness{.actor = step.actor,
                    .taken_at = static_cast<StackId>(++last_),
                    .wanted_at = kNoStack,
                    .held_mode = step.held,
                    .wanted_mode = step.wanted,
                    .at = race::now(clock),
                    .past = {},
                    .gates = {}};
    race::release_store(clock, witness.past);
    for (const Gate& gate : step.gates) witness.gates.push_back(gate);
    std::sort(witness.gates.begin(), witness.gates.end(), [](const Gate& a, const Gate& b) { return a.lock < b.lock; });
    known.push_back({step.from, step.to, witness});
    graph.add(static_cast<LockId>(step.from), static_cast<LockId>(step.to), std::move(witness), remember, this);
    graph.check_invariants();
    return last_;
  }

  struct Known {
    std::uint64_t from, to;
    Witness witness;
  };
  using Cycle = std::set<std::uint32_t>;  // the witnesses' numbers

  LockGraph graph;
  std::set<Cycle> told;
  std::vector<Known> known;

 private:
  static bool remember(std::span<const CycleEdge> cycle, void* self) noexcept {
    Cycle numbers;
    for (const CycleEdge& edge : cycle) numbers.insert(static_cast<std::uint32_t>(edge.witness->taken_at));
    static_cast<World*>(self)->told.insert(numbers);
    return true;
  }

  std::vector<race::ActorClock> clocks_;
  std::uint32_t last_ = 0;
};

TEST(LockGraph, OppositeOrderByTwoActorsIsACycle) {
  World world(2);
  world.add({.actor = 0, .from = 1, .to = 2});
  EXPECT_TRUE(world.told.empty());
  world.add({.actor = 1, .from = 2, .to = 1});
  EXPECT_EQ(world.told, (std::set<World::Cycle>{{1, 2}}));
}

TEST(LockGraph, OppositeOrderByOneActorIsNone) {
  World world(1);
  world.add({.actor = 0, .from = 1, .to = 2});
  world.add({.actor = 0, .from = 2, .to = 1});
  EXPECT_TRUE(world.told.empty());
}

TEST(LockGraph, AGateLockExcludesACycle) {
  World world(2);
  const std::vector<Gate> gate{{static_cast<LockId>(9), LockMode::Exclusive}};
  world.add({.actor = 0, .from = 1, .to = 2, .gates = gate});
  world.add({.actor = 1, .from = 2, .to = 1, .gates = gate});
  EXPECT_TRUE(world.told.empty());
}

TEST(LockGraph, AGateHeldSharedByBothExcludesNothing) {
  World world(2);
  const std::vector<Gate> gate{{static_cast<LockId>(9), LockMode::Shared}};
  world.add({.actor = 0, .from = 1, .to = 2, .gates = gate});
  world.add({.actor = 1, .from = 2, .to = 1, .gates = gate});
  EXPECT_EQ(world.told.size(), 1U);
}

TEST(LockGraph, OrderInTimeExcludesACycle) {
  World world(2);
  world.add({.actor = 0, .from = 1, .to = 2});
  world.order(0, 1);
  world.add({.actor = 1, .from = 2, .to = 1});
  EXPECT_TRUE(world.told.empty());
}

TEST(LockGraph, AnOrderedOccasionDoesNotHideAnUnorderedOne) {
  World world(3);
  world.add({.actor = 0, .from = 1, .to = 2});
  world.order(0, 1);
  world.add({.actor = 2, .from = 1, .to = 2});
  world.add({.actor = 1, .from = 2, .to = 1});
  EXPECT_EQ(world.told, (std::set<World::Cycle>{{2, 3}}));
}

TEST(LockGraph, TwoReadersOfOneLockDoNotExcludeEachOther) {
  World world(2);
  // Lock 1 is held shared by the one and wanted shared by the other: nobody waits there.
  world.add({.actor = 0, .from = 1, .to = 2, .held = LockMode::Shared});
  world.add({.actor = 1, .from = 2, .to = 1, .wanted = LockMode::Shared});
  EXPECT_TRUE(world.told.empty());
}

TEST(LockGraph, AReaderAndAWriterExcludeEachOther) {
  World world(2);
  world.add({.actor = 0, .from = 1, .to = 2, .held = LockMode::Shared});
  world.add({.actor = 1, .from = 2, .to = 1});
  EXPECT_EQ(world.told.size(), 1U);
}

TEST(LockGraph, ALongRingIsFound) {
  constexpr std::size_t kLength = 60;
  World world(kLength);
  for (std::size_t i = 0; i < kLength; ++i) {
    EXPECT_TRUE(world.told.empty());
    world.add({.actor = i, .from = i + 1, .to = (i + 1) % kLength + 1});
  }
  ASSERT_EQ(world.told.size(), 1U);
  EXPECT_EQ(world.told.begin()->size(), kLength);
}

TEST(LockGraph, ADestroyedLockTakesItsEdgesAlong) {
  World world(2);
  world.add({.actor = 0, .from = 1, .to = 2});
  world.graph.remove(static_cast<LockId>(2));
  world.graph.check_invariants();
  EXPECT_EQ(world.graph.edges(), 0U);
  EXPECT_EQ(world.graph.nodes(), 0U);
  world.add({.actor = 1, .from = 2, .to = 1});
  EXPECT_TRUE(world.told.empty());
}

TEST(LockGraph, TheLatestWitnessesAreKept) {
  constexpr std::size_t kMany = 3 * LockGraph::kMostWitnesses;
  World world(kMany + 1);
  for (std::size_t i = 0; i < kMany; ++i) {
    world.add({.actor = i, .from = 1, .to = 2});
    if (i + 1 < kMany) world.order(i, kMany);  // all but the last are ordered before the actor that closes the cycle
  }
  world.add({.actor = kMany, .from = 2, .to = 1});
  EXPECT_EQ(world.told, (std::set<World::Cycle>{{kMany, kMany + 1}}));
}

// ---- against a naive model -------------------------------------------------------------------------------------

bool exclude(LockMode a, LockMode b) { return a == LockMode::Exclusive || b == LockMode::Exclusive; }

bool compatible(const Witness& a, const Witness& b) {
  if (a.actor == b.actor) return false;
  for (const Gate& one : a.gates) {
    for (const Gate& other : b.gates) {
      if (one.lock == other.lock && exclude(one.mode, other.mode)) return false;
    }
  }
  return !race::happened_before(a.at, b.past) && !race::happened_before(b.at, a.past);
}

// Every way to go round, edge by edge, over all witnesses.
void extend(const std::vector<World::Known>& known, std::vector<const World::Known*>& path,
            std::set<World::Cycle>& found) {
  for (const World::Known& next : known) {
    const World::Known& last = *path.back();
    if (next.from != last.to || !exclude(last.witness.wanted_mode, next.witness.held_mode)) continue;
    if (std::any_of(path.begin(), path.end(), [&](const World::Known* one) {
          return one->from == next.from || !compatible(one->witness, next.witness);
        })) {
      continue;
    }
    path.push_back(&next);
    if (next.to == path.front()->from) {
      if (exclude(next.witness.wanted_mode, path.front()->witness.held_mode)) {
        World::Cycle numbers;
        for (const World::Known* one : path) numbers.insert(static_cast<std::uint32_t>(one->witness.taken_at));
        found.insert(numbers);
      }
    } else {
      extend(known, path, found);
    }
    path.pop_back();
  }
}

std::set<World::Cycle> naive_cycles(const std::vector<World::Known>& known) {
  std::set<World::Cycle> found;
  for (const World::Known& first : known) {
    std::vector<const World::Known*> path{&first};
    extend(known, path, found);
  }
  return found;
}

TEST(LockGraph, AgreesWithANaiveSearchOnRandomInput) {
  constexpr std::size_t kActors = 4;
  constexpr std::uint64_t kLocks = 5;
  std::size_t cycles = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random); };
    const auto mode = [&] { return below(4) == 0 ? LockMode::Shared : LockMode::Exclusive; };
    World world(kActors);
    for (int i = 0; i < 14; ++i) {
      if (below(4) == 0) world.order(below(kActors), below(kActors));
      World::Step step{.actor = below(kActors), .from = 1 + below(kLocks), .to = 1 + below(kLocks)};
      if (step.from == step.to) continue;
      step.held = mode();
      step.wanted = mode();
      for (std::uint64_t lock = 1; lock <= kLocks; ++lock) {
        if (lock != step.from && lock != step.to && below(6) == 0) {
          step.gates.push_back({static_cast<LockId>(lock), mode()});
        }
      }
      world.add(step);
    }
    ASSERT_EQ(world.told, naive_cycles(world.known));
    cycles += world.told.size();
  }
  EXPECT_GT(cycles, 300U);  // the input must be such that there is something to find
}

TEST(LockGraph, KeepsItsInvariantsWhileLocksComeAndGo) {
  std::mt19937 random(7);
  const auto below = [&](std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random); };
  World world(8);
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t from = 1 + below(40);
    const std::uint64_t to = 1 + below(40);
    if (below(3) == 0) world.graph.remove(static_cast<LockId>(from));
    if (from != to) world.add({.actor = below(8), .from = from, .to = to});
  }
  for (std::uint64_t lock = 1; lock <= 40; ++lock) world.graph.remove(static_cast<LockId>(lock));
  EXPECT_EQ(world.graph.nodes(), 0U);
  EXPECT_EQ(world.graph.edges(), 0U);
}

}  // namespace
}  // namespace vigil::shim::locks
