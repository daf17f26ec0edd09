// What happens-before costs: each edge, in the patterns that programs have.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "interpose/own_memory.hpp"
#include "interpose/race/clock_tree.hpp"
#include "interpose/race/vector_clock.hpp"

namespace vigil::shim::race {
namespace {

std::vector<ActorClock> family(std::size_t children) {
  std::vector<ActorClock> actors(children + 1);
  start(actors[0]);
  for (std::size_t i = 1; i <= children; ++i) start(actors[i], actors[0]);
  return actors;
}
void end_all(std::vector<ActorClock>& actors) {
  for (ActorClock& actor : actors) end(actor);
}

// A task is made, tells its end, and is joined: its slot serves the next.
void spawn_and_join(benchmark::State& state) {
  ActorClock parent;
  start(parent);
  SyncClock group;
  for (auto _ : state) {
    ActorClock child;
    start(child, parent);
    release_merge(child, group);
    end(child);
    acquire(parent, group);
  }
  end(parent);
}

// A lock goes round among n tasks.
void lock_round(benchmark::State& state) {
  auto actors = family(static_cast<std::size_t>(state.range(0)));
  SyncClock lock;
  std::size_t turn = 0;
  for (auto _ : state) {
    ActorClock& actor = actors[turn];
    turn = turn + 1 == actors.size() ? 0 : turn + 1;
    acquire(actor, lock);
    release_store(actor, lock);
  }
  end_all(actors);
}

// One task takes and frees its own lock: nothing to learn.
void lock_alone(benchmark::State& state) {
  auto actors = family(100);
  SyncClock lock;
  for (auto _ : state) {
    acquire(actors[1], lock);
    release_store(actors[1], lock);
  }
  end_all(actors);
}

// Unbuffered channel, two tasks.
void meet_two(benchmark::State& state) {
  auto actors = family(2);
  for (auto _ : state) meet(actors[1], actors[2]);
  end_all(actors);
}

// Items go down a line of n tasks through unbuffered channels; an iteration is one meeting.
void meet_pipeline(benchmark::State& state) {
  auto actors = family(static_cast<std::size_t>(state.range(0)));
  std::size_t stage = 1;
  for (auto _ : state) {
    meet(actors[stage], actors[stage + 1]);
    stage = stage + 2 == actors.size() ? 1 : stage + 1;
  }
  end_all(actors);
}

// A line of n tasks with a buffer of four between each two: one send and one receive.
void buffered_pipeline(benchmark::State& state) {
  const auto stages = static_cast<std::size_t>(state.range(0));
  auto actors = family(stages);
  std::vector<SyncClock> slots(stages * 4);
  std::size_t stage = 1;
  std::size_t turn = 0;
  for (auto _ : state) {
    SyncClock& slot = slots[stage * 4 + turn % 4];
    release_store_acquire(actors[stage], slot);
    release_store_acquire(actors[stage + 1], slot);
    if (++stage + 1 == actors.size()) {
      stage = 1;
      ++turn;
    }
  }
  end_all(actors);
}

// Random meetings among n tasks: the pattern that shares least.
void meet_random(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  auto actors = family(count);
  std::size_t seed = 1;
  for (auto _ : state) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    const std::size_t a = (seed >> 33U) % actors.size();
    const std::size_t b = (a + 1 + (seed >> 13U) % (actors.size() - 1)) % actors.size();
    meet(actors[a], actors[b]);
  }
  state.counters["nodes"] = static_cast<double>(ClockTree::nodes());
  end_all(actors);
}

void question(benchmark::State& state) {
  auto actors = family(static_cast<std::size_t>(state.range(0)));
  SyncClock group;
  std::vector<Epoch> epochs;
  for (std::size_t i = 1; i < actors.size(); ++i) {
    epochs.push_back(now(actors[i]));
    release_merge(actors[i], group);
  }
  acquire(actors[0], group);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(happened_before(epochs[i], actors[0]));
    i = i + 1 == epochs.size() ? 0 : i + 1;
  }
  end_all(actors);
}

// n tasks alive, told to end by one close, joined by one wait group: time and memory a task.
void alive(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    const std::size_t before = own_memory_mapped();
    auto actors = family(count);
    SyncClock closed;
    SyncClock group;
    release_store(actors[0], closed);
    for (std::size_t i = 1; i <= count; ++i) acquire(actors[i], closed);
    for (std::size_t i = 1; i <= count; ++i) release_merge(actors[i], group);
    acquire(actors[0], group);
    state.counters["bytes_a_task"] =
        static_cast<double>(own_memory_mapped() - before) / static_cast<double>(count) + sizeof(ActorClock);
    end_all(actors);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(spawn_and_join);
BENCHMARK(lock_alone);
BENCHMARK(lock_round)->Arg(1)->Arg(2)->Arg(3)->Arg(8)->Arg(100)->Arg(10000);
BENCHMARK(meet_two);
BENCHMARK(meet_pipeline)->Arg(3)->Arg(100)->Arg(10000);
BENCHMARK(buffered_pipeline)->Arg(3)->Arg(100)->Arg(10000);
BENCHMARK(meet_random)->Arg(8)->Arg(100)->Arg(1000);
BENCHMARK(question)->Arg(10)->Arg(1000)->Arg(100000);
BENCHMARK(alive)->Arg(1000000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vigil::shim::race
