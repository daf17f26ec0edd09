// Before main, after it, at the end of a thread; and what thread_local is to tasks.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include "test/runtime/support.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

constexpr const char* kEarly = "VIGIL_TEST_EARLY";

int exchange_in_tasks() {
  const Channel<int> there(0);
  const Channel<int> back(1);
  go([=] { back.send(there.receive_or_zero() + 1); });
  there.send(6);
  const int got = back.receive_or_zero();
  return run([&] { return got; });
}

// Only in the child that a death test starts anew: other tests want to see the runtime start.
const int kFromAnInitialiser = std::getenv(kEarly) != nullptr ? exchange_in_tasks() : 0;

TEST(Lifetime, TasksMayRunBeforeMain) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  setenv(kEarly, "1", 1);
  EXPECT_EXIT(_exit(kFromAnInitialiser), testing::ExitedWithCode(7), "");
}

struct AtTheEnd {
  ~AtTheEnd() { _exit(exchange_in_tasks()); }
};

TEST(Lifetime, TasksMayRunInStaticDestructors) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        static const AtTheEnd at_the_end;
        run([] {});
        std::exit(0);
      },
      testing::ExitedWithCode(7), "");
}

TEST(Lifetime, TheRuntimeMayBeUsedFirstInAStaticDestructor) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        static const AtTheEnd at_the_end;
        std::exit(0);
      },
      testing::ExitedWithCode(7), "");
}

TEST(Lifetime, AThreadMayUsePrimitivesInItsLastDestructors) {
  static const Channel<int> results(2);
  struct Last {
    bool constructed = true;
    ~Last() { results.send(exchange_in_tasks()); }
  };
  std::thread([] {
    static thread_local const Last made_before;  // and so destroyed after what the runtime keeps for the thread
    EXPECT_TRUE(made_before.constructed);
    exchange_in_tasks();
    static thread_local const Last made_after;
    EXPECT_TRUE(made_after.constructed);
  }).join();
  EXPECT_EQ(results.receive_or_zero(), 7);
  EXPECT_EQ(results.receive_or_zero(), 7);
}

// Not inlined, or the compiler would keep the address across a park, after which the task may be on another thread.
[[gnu::noinline]] int& of_this_thread() {
  static thread_local int value = 0;
  return value;
}

// A pitfall, and so a fact to know: a thread_local variable belongs to the worker, and tasks share it.
TEST(Lifetime, TasksOnOneWorkerShareItsThreadLocals) {
  set_max_procs(1);
  const Channel<Unit> written(0);
  WaitGroup all;
  all.go([&] {
    of_this_thread() = 5;
    written.send({});
  });
  all.go([&] {
    written.receive();
    EXPECT_EQ(of_this_thread(), 5);
  });
  all.wait();
  EXPECT_EQ(of_this_thread(), 0);
}

}  // namespace
}  // namespace vigil
