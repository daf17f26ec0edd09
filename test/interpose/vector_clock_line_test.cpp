#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "interpose/race/clock_tree.hpp"
#include "interpose/race/vector_clock.hpp"
#include "test/interpose/naive_clock.hpp"

namespace vigil::shim::race {
namespace {

// Who meets only its neighbours, as tasks of a line of channels do, hears of all others from both sides: clocks with
// one level of nodes and with two, of which most have been given away and some have not.
void run_line(std::uint64_t seed, std::size_t actors, std::size_t meetings) {
  SCOPED_TRACE("VIGIL_TEST_SEED=" + std::to_string(seed));
  struct Pair {
    ActorClock real;
    NaiveActor naive;
  };
  struct Moment {
    Epoch real;
    NaiveEpoch naive;
  };
  std::mt19937_64 random(seed);
  const auto pick = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  std::vector<Pair> line(actors);
  for (std::size_t i = 0; i < actors; ++i) {
    line[i].naive.number = i;
    start(line[i].real);
  }
  SyncClock lock;
  NaiveClock naive_lock;
  std::deque<Moment> moments;
  std::size_t at = 0;
  for (std::size_t meeting = 0; meeting < meetings; ++meeting) {
    at = pick(4) == 0 ? pick(actors - 1) : (at + 1) % (actors - 1);  // mostly an item on its way along the line
    Pair& a = line[at];
    Pair& b = line[at + 1];
    const NaiveClock of_a = a.naive.publish();
    const NaiveClock of_b = b.naive.publish();
    a.naive.known.join(of_b);
    b.naive.known.join(of_a);
    if (pick(2) == 0) {
      meet(a.real, b.real);
    } else {
      meet(b.real, a.real);
    }
    check_invariants(a.real);
    check_invariants(b.real);
    if (pick(8) == 0) {
      Pair& other = line[pick(actors)];
      other.naive.known.join(naive_lock);
      naive_lock = other.naive.publish();
      acquire(other.real, lock);
      release_store(other.real, lock);
      check_invariants(other.real);
    }
    if (moments.size() == 40) moments.pop_front();
    Pair& remembered = line[pick(actors)];
    moments.push_back({now(remembered.real), remembered.naive.now()});
    for (const Moment& moment : moments) {
      for (const std::size_t who : {at, at + 1, pick(actors)}) {
        ASSERT_EQ(happened_before(moment.real, line[who].real), line[who].naive.knows(moment.naive))
            << "epoch " << moment.naive.time << " of actor " << moment.naive.actor << " at actor " << who;
      }
    }
  }
  for (Pair& pair : line) end(pair.real);
}

std::uint64_t seed_of_lines() {
  const char* const given = std::getenv("VIGIL_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

TEST(VectorClockTwin, LinesOfActorsAgreeWithFullArrays) {
  const std::size_t nodes_before = ClockTree::nodes();
  const std::uint64_t seed = seed_of_lines();
  for (std::uint64_t i = 0; i < 4; ++i) {
    run_line(seed + i, 20, 2000);
    run_line(seed + i, 300, 4000);
  }
  run_line(seed, 2500, 4000);
  EXPECT_EQ(ClockTree::nodes(), nodes_before);
}

}  // namespace
}  // namespace vigil::shim::race
