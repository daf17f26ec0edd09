// Before main, after it, at the end of a thread; and what thread_local is to tasks.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>

#include <unistd.h>

#include "test/runtime/support.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;

constexpr const char* kEarly = "VIGIL_TEST_EARLY";

// Uses every primitive, from the thread it is called on and from tasks. 7: all did what they should.
int exchange_in_tasks() {
  const Channel<int> there(0);
  const Channel<int> back(1);
  go([=] { back.send(there.receive_or_zero() + 1); });
  there.send(0);
  int sum = run([&] { return back.receive_or_zero(); });

  Mutex lock;
  Cond changed;
  Once once;
  WaitGroup all;
  bool ready = false;
  all.go([&] {
    const std::scoped_lock held(lock);
    once.call([&] { ++sum; });
    ready = true;
    changed.notify_all();
  });
  {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return ready; });
  }
  all.wait();

  RwMutex table;
  Semaphore tokens(1);
  {
    const std::shared_lock reader(table);
    tokens.acquire();
    tokens.release();
    if (!table.try_lock()) ++sum;
  }

  const auto [ctx, cancel] = with_timeout(background(), 1ms);
  ctx.done().receive();
  cancel();
  const Ticker ticker(1ms);
  ticker.channel().receive();
  ticker.stop();
  const Timer timer(1h);
  if (timer.stop()) ++sum;
  after_func(0s, [=] { back.send(1); });
  select(on_receive(back, [&](std::optional<int> got) { sum += got.value_or(0); }), on_timeout(1h));
  sleep_for(1ms);

  const StopController stop;
  ErrorGroup group;
  group.go([&] { stop.stop(); });
  group.wait();
  Selector selector;
  selector.add_receive(stop.stopped());
  selector.select();
  SafeReceiver<int> receiver(there, stop);
  if (!receiver.receive()) ++sum;
  {
    WorkerPool pool(1);
    Traced<int> jobs = 0;
    pool.submit([&] { ++jobs; });
    pool.wait();
    sum += jobs;
  }
  return run([&] { return blocking([&] { return sum; }); });
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
