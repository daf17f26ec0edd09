// WaitGroup, as the documentation of Go's sync.WaitGroup says.
#include <type_traits>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

static_assert(!std::is_copy_constructible_v<WaitGroup> && !std::is_copy_assignable_v<WaitGroup>);

class WaitGroupOn : public OnEither {};
INSTANTIATE_TEST_SUITE_P(Waiter, WaitGroupOn, kEither, named);

TEST(WaitGroup, AtZeroDoesNotWait) {
  WaitGroup group;
  group.wait();
  group.add(2);
  group.done();
  group.done();
  group.wait();
}

TEST_P(WaitGroupOn, WaitsForTheLastDone) {
  WaitGroup group;
  group.add(2);
  bool over = false;
  Crew crew;
  crew.start(GetParam(), [&] {
    group.wait();
    over = true;
  });
  until_parked(1);
  group.done();
  until_parked(1);
  EXPECT_FALSE(over);
  group.done();
  crew.join();
  EXPECT_TRUE(over);
}

TEST(WaitGroup, LetsAllWaitersGo) {
  WaitGroup group;
  group.add();
  std::atomic<int> over = 0;
  Crew crew;
  for (int i = 0; i < 10; ++i) {
    crew.start(i % 2 == 0 ? On::Task : On::Thread, [&] {
      group.wait();
      ++over;
    });
  }
  until_parked(10);
  group.done();
  crew.join();
  EXPECT_EQ(over, 10);
}

TEST(WaitGroup, NegativeCounterPanicsAndChangesNothing) {
  WaitGroup group;
  EXPECT_EQ(panic_of([&] { group.done(); }), "negative WaitGroup counter");
  group.add(1);
  EXPECT_EQ(panic_of([&] { group.add(-2); }), "negative WaitGroup counter");
  group.done();
  group.wait();
}

TEST(WaitGroup, MayBeUsedAgain) {
  WaitGroup group;
  for (int round = 0; round < 100; ++round) {
    int sum[4] = {};
    for (int& each : sum) group.go([&each] { each = 1; });
    group.wait();
    EXPECT_EQ(sum[0] + sum[1] + sum[2] + sum[3], 4);
  }
}

TEST(WaitGroup, MayEndAsSoonAsWaitReturns) {
  for (int round = 0; round < 500; ++round) {
    auto group = std::make_unique<WaitGroup>();
    group->add(2);
    WaitGroup& shared = *group;
    go([&shared] { shared.done(); });
    go([&shared] { shared.done(); });
    group->wait();
    group.reset();  // the address sanitizer would see a done() that still touches it
  }
}

TEST(WaitGroup, GoPassesArguments) {
  WaitGroup group;
  int sum = 0;
  group.go([&sum](int a, std::unique_ptr<int> b) { sum = a + *b; }, 1, std::make_unique<int>(2));
  group.wait();
  EXPECT_EQ(sum, 3);
}

TEST(WaitGroup, GoDropsWhatTheFunctionHoldsBeforeWaitReturns) {
  for (int round = 0; round < 200; ++round) {
    WaitGroup group;
    auto held = std::make_shared<int>(1);
    const std::shared_ptr<int> cannot_be_moved = held;  // nor can its copy in the function: that is const, too
    group.go([held, cannot_be_moved](
                 const std::shared_ptr<int>& argument) { EXPECT_EQ(*held + *cannot_be_moved + *argument, 3); },
             held);
    group.wait();
    EXPECT_EQ(held.use_count(), 2);
  }
}

}  // namespace
}  // namespace vigil::test
