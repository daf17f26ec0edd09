// One wait group counts the tasks of every round. A reporter waits for the first round; the main task starts the second
// as soon as it has the results of the first, whether or not the reporter's wait has returned.
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
  WaitGroup tasks;
  Channel<int> results(0);
  Channel<int> reported(1);
  round(tasks, results);
  vigil::go([=, &tasks] {
    tasks.wait();
    reported.send(1);
  });
  for (int task = 0; task < 2; ++task) (void)results.receive();
  while (vigil::task_count() > 1) vigil::yield();  // the first round's tasks are through, or the reporter is
  round(tasks, results);
  for (int task = 0; task < 2; ++task) (void)results.receive();
  (void)reported.receive();
  tasks.wait();
  std::printf("two rounds\n");
}
