// Once: each fact of the documentation of sync.Once.
#include "vigil/once.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include "test/runtime/world.hpp"
#include "vigil/channel.hpp"
#include "vigil/task.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using test::await_parked;

static_assert(!std::is_copy_constructible_v<Once> && !std::is_copy_assignable_v<Once>);

// "Do calls the function f if and only if Do is being called for the first time for this instance of Once", "even if f
// has a different value in each invocation".
TEST(Once, CallsOnlyTheFirstFunction) {
  Once once;
  int first = 0;
  int second = 0;
  once.call([&] { ++first; });
  once.call([&] { ++second; });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

// "no call to Do returns until the one call to f returns".
TEST(Once, TheOthersWaitUntilTheFirstCallHasEnded) {
  Once once;
  Channel<Unit> go_on(0);
  int made = 0;
  int seen = 0;
  WaitGroup all;
  all.go([&] {
    once.call([&] {
      go_on.receive();
      made = 7;
    });
  });
  await_parked(VIGIL_WAIT_RECEIVE);
  all.go([&] {
    once.call([] {});
    seen = made;
  });
  std::thread plain([&] {
    once.call([] {});
    EXPECT_EQ(made, 7);
  });
  await_parked(VIGIL_WAIT_ONCE, 2);
  go_on.send({});
  all.wait();
  plain.join();
  EXPECT_EQ(seen, 7);
}

// "If f panics, Do considers it to have returned; future calls of Do return without calling f."
TEST(Once, AThrowingFirstCallCountsAsDone) {
  Once once;
  EXPECT_THROW(once.call([] { throw std::runtime_error("no"); }), std::runtime_error);
  bool called = false;
  once.call([&] { called = true; });
  EXPECT_FALSE(called);
}

TEST(Once, RunsOnceUnderLoad) {
  for (int round = 0; round < 200; ++round) {
    Once once;
    int value = 0;  // written by one, read by all after their call
    WaitGroup all;
    for (int i = 0; i < 8; ++i) {
      all.go([&] {
        once.call([&] { ++value; });
        EXPECT_EQ(value, 1);
      });
    }
    all.wait();
  }
}

}  // namespace
}  // namespace vigil
