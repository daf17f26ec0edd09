// The runtime under circumstances: main as a task, fork, exit with live tasks, an idle program, unfair tasks.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

// ---- run() -------------------------------------------------------------------------------------------------------

TEST(Run, CallsTheFunctionAsATask) {
  const TaskId inside = run([] { return task_id(); });
  EXPECT_NE(inside, TaskId::None);
  EXPECT_EQ(task_id(), TaskId::None);
}

TEST(Run, IsAnOrdinaryCallFromATask) {
  run([] {
    const TaskId outer = task_id();
    EXPECT_EQ(run([] { return task_id(); }), outer);
  });
}

TEST(Run, GivesBackWhatTheFunctionReturnsOrThrows) {
  EXPECT_EQ(*run([] { return std::make_unique<int>(5); }), 5);
  int value = 1;
  int& same = run([&]() -> int& { return value; });
  EXPECT_EQ(&same, &value);
  EXPECT_THROW(run([] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_THROW(run([]() -> int { throw std::runtime_error("no"); }), std::runtime_error);
}

TEST(Run, MainMayTakePartInEverything) {
  const int sum = run([] {
    const Channel<int> items(3);
    go([items] {
      for (int i = 1; i <= 100; ++i) items.send(i);
      items.close();
    });
    int total = 0;
    for (const int item : items) total += item;
    return total;
  });
  EXPECT_EQ(sum, 5050);
}

TEST(Run, SeveralThreadsMayEachHaveOne) {
  const Channel<int> there(0);
  std::thread other([&] { run([&] { there.send(7); }); });
  EXPECT_EQ(run([&] { return there.receive_or_zero(); }), 7);
  other.join();
}

}  // namespace
}  // namespace vigil
