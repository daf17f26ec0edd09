// A busy program without a defect: pools, pipelines, cancelled contexts, timeouts, exceptions caught inside tasks, a
// daemon that never ends, sleepers, closed channels, locks taken in one order and by try. Nothing may be reported.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using vigil::Channel;
using vigil::Unit;
using vigil::WaitGroup;
using namespace std::chrono_literals;

int pool() {
  const Channel<int> jobs(4);
  const Channel<int> results(4);
  WaitGroup workers;
  for (int w = 0; w < 5; ++w) {
    workers.go([=] {
      for (const int job : jobs) {
        try {
          if (job % 7 == 0) throw std::runtime_error("seven");
          results.send(job);
        } catch (const std::runtime_error&) {
          results.send(0);
        }
      }
    });
  }
  vigil::go([=] {
    for (int job = 1; job <= 100; ++job) jobs.send(job);
    jobs.close();
  });
  WaitGroup closer;
  closer.go([&workers, results] {
    workers.wait();
    results.close();
  });
  int sum = 0;
  for (const int result : results) sum += result;
  closer.wait();
  return sum;
}

int cancelled_children() {
  const auto parent = vigil::with_cancel(vigil::background());
  const auto child = vigil::with_cancel(parent.ctx);
  WaitGroup tasks;
  std::vector<int> rounds(8);
  for (int& mine : rounds) {
    tasks.go([&mine, context = child.ctx] {
      const Channel<int> silent(0);
      bool open = true;
      while (open) {
        vigil::select(vigil::on_receive(silent, [](std::optional<int>) {}),
                      vigil::on_receive(context.done(), [&](std::optional<Unit>) { open = false; }),
                      vigil::on_timeout(100us, [&] { ++mine; }));
      }
    });
  }
  vigil::sleep_for(2ms);  // lets some timeouts pass; how many does not matter
  parent.cancel();
  child.cancel();
  tasks.wait();
  return static_cast<int>(rounds.size());
}

int locks_in_one_order() {
  vigil::Mutex outer;
  vigil::Mutex inner;
  int count = 0;
  WaitGroup tasks;
  for (int t = 0; t < 6; ++t) {
    tasks.go([&, t] {
      for (int i = 0; i < 50; ++i) {
        if (t % 3 == 2) {
          // The other way round, but it never waits for the second: no schedule blocks.
          const std::scoped_lock first(inner);
          if (outer.try_lock()) outer.unlock();
          continue;
        }
        const std::scoped_lock first(outer);
        const std::scoped_lock second(inner);
        ++count;
      }
    });
  }
  tasks.wait();
  return count;
}

int nil_cases_and_defaults() {
  const Channel<int> nil;
  const Channel<int> one(1);
  int taken = 0;
  one.send(4);
  vigil::select(vigil::on_receive(nil, [](std::optional<int>) {}),
                vigil::on_receive(one, [&](std::optional<int> value) { taken = value.value_or(0); }));
  vigil::select(vigil::on_receive(one, [](std::optional<int>) {}), vigil::otherwise([&] { ++taken; }));
  one.close();
  while (one.receive()) ++taken;
  return taken;
}

int spawn_tree(int depth) {
  if (depth == 0) return 1;
  const Channel<int> left(1);
  vigil::go([=] { left.send(spawn_tree(depth - 1)); });
  const int right = spawn_tree(depth - 1);
  return left.receive_or_zero() + right;
}

}  // namespace

int main() {
  vigil::daemon([] {
    const Channel<Unit> never(0);
    (void)never.receive();
  });
  vigil::go([] { vigil::sleep_for(1h); });
  std::printf("pool %d\n", pool());
  std::printf("cancelled %d\n", cancelled_children());
  std::printf("locks %d\n", locks_in_one_order());
  std::printf("select %d\n", nil_cases_and_defaults());
  std::printf("tree %d\n", spawn_tree(10));
}
