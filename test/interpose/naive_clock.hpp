// NaiveClocks: vector clocks as the textbook has them, one full array an actor, no slot ever reused: what the real ones
// must agree with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vigil::shim::race {

struct NaiveEpoch {
  std::size_t actor = 0;
  std::uint64_t time = 0;
};

struct NaiveClock {
  std::vector<std::uint64_t> times;  // by actor number; beyond the end: 0

  [[nodiscard]] std::uint64_t at(std::size_t actor) const { return actor < times.size() ? times[actor] : 0; }
  void learn(NaiveEpoch epoch) {
    if (times.size() <= epoch.actor) times.resize(epoch.actor + 1);
    times[epoch.actor] = std::max(times[epoch.actor], epoch.time);
  }
  void join(const NaiveClock& other) {
    for (std::size_t i = 0; i < other.times.size(); ++i) learn({i, other.times[i]});
  }
};

struct NaiveActor {
  std::size_t number = 0;
  std::uint64_t time = 1;
  NaiveClock known;

  [[nodiscard]] NaiveEpoch now() const { return {number, time}; }
  [[nodiscard]] bool knows(NaiveEpoch epoch) const {
    return epoch.actor == number ? epoch.time <= time : epoch.time <= known.at(epoch.actor);
  }
  // What a release publishes; ends the epoch.
  NaiveClock publish() {
    NaiveClock all = known;
    all.learn(now());
    ++time;
    return all;
  }
};

}  // namespace vigil::shim::race
