// Many tasks count a wait group up and down in any order; at the end it is counted down once too often. Which of them
// came last before that is up to the schedule.
#include <vigil/vigil.hpp>

#include <cstdio>

int main() {
  vigil::WaitGroup group;
  group.add(12);
  vigil::WaitGroup tasks;
  for (int task = 0; task < 6; ++task) {
    if (task % 2 == 0) {
      tasks.go([&] {
        group.done();
        group.done();
      });
    } else {
      tasks.go([&] {
        group.done();
        vigil::yield();
        group.done();
      });
    }
  }
  tasks.wait();
  try {
    group.done();
  } catch (const vigil::Panic& panic) {
    std::printf("%s\n", panic.what());
  }
}
