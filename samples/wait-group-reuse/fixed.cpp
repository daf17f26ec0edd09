// The remedy: a wait group for each round.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::WaitGroup;

namespace {

void round(WaitGroup& tasks, const Channel<int>& results) {
  tasks.add(2);
  for (int task = 0; task < 2; ++task) {
    vigil::go([=, &tasks] {
      results.send(task);
      tasks.done();
    });
  }
}

}  // namespace

int main() {
  WaitGroup first;
  WaitGroup second;
  Channel<int> results(0);
  Channel<int> reported(1);
  round(first, results);
  vigil::go([=, &first] {
    first.wait();
    reported.send(1);
  });
  for (int task = 0; task < 2; ++task) (void)results.receive();
  round(second, results);
  for (int task = 0; task < 2; ++task) (void)results.receive();
  (void)reported.receive();
  second.wait();
  std::printf("two rounds\n");
}
