// Small programs under every interleaving of their operations. A failure prints its schedule; with that in
// VIGIL_TEST_SCHEDULE the test runs this one alone.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/src/park.hpp"
#include "runtime/src/spin_lock.hpp"
#include "runtime/src/waiter.hpp"
#include "test/schedule/explorer.hpp"
#include "vigil/vigil.hpp"

namespace {

// What rw-mutexes told while a program ran; see WaitingWriter below.
struct {
  bool writer_waits = false;
  bool overtaken = false;
} rw_events;

}  // namespace

extern "C" {
__attribute__((visibility("default"))) void vigil_probe_lock_wait(vigil_probe_actor* /*actor*/, const void* /*lock*/,
                                                                  std::uint32_t mode) noexcept {
  if (mode == VIGIL_LOCK_EXCLUSIVE) rw_events.writer_waits = true;
}
__attribute__((visibility("default"))) void vigil_probe_lock_taken(vigil_probe_actor* /*actor*/, const void* /*lock*/,
                                                                   std::uint32_t mode) noexcept {
  if (mode == VIGIL_LOCK_EXCLUSIVE) rw_events.writer_waits = false;
  if ((mode & VIGIL_LOCK_SHARED) != 0 && rw_events.writer_waits) rw_events.overtaken = true;
}
}

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::Bounds;
using test::Check;
using test::Explored;
using test::Program;
using test::Schedule;

// For programs of five tasks. A sanitizer makes each switch ten times as expensive.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr Bounds kFew{.preemptions = 0};
#else
constexpr Bounds kFew{.preemptions = 1};
#endif

// Explores, and tells how much; with VIGIL_TEST_SCHEDULE only replays.
void expect_sound(const Program& program, Bounds bounds = {}) {
  if (const char* const given = std::getenv("VIGIL_TEST_SCHEDULE"); given != nullptr) {
    const Explored one = test::replay(program, Schedule::parse(given), bounds);
    EXPECT_EQ(one.failure, "") << "trace " << one.trace;
    return;
  }
  const Explored explored = test::explore(program, bounds);
  std::cout << explored.schedules << " schedules of up to " << explored.longest << " choices, at most "
            << bounds.preemptions << " preemptions\n";
  EXPECT_EQ(explored.failure, "") << "tasks " << explored.trace
                                  << "\nagain: VIGIL_TEST_SCHEDULE=" << explored.failing.text();
  EXPECT_TRUE(explored.complete || !explored.failure.empty()) << "the bound on schedules was reached";
}

std::string differs(const std::vector<int>& wanted, std::vector<int> got) {
  std::sort(got.begin(), got.end());
  if (got == wanted) return "";
  std::string text = "got";
  for (const int item : got) text += " " + std::to_string(item);
  return text;
}

// ---- channels ----------------------------------------------------------------------------------------------------

class ChannelOf : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Capacity, ChannelOf, testing::Values(0, 1, 2));

// Two senders, two receivers, and a close once all is sent: every item arrives once, and everybody ends.
TEST_P(ChannelOf, DeliversEachItemOnceAndEndsItsReceivers) {
  expect_sound(
      [capacity = GetParam()]() -> Check {
        struct State {
          explicit State(std::size_t capacity) : items(capacity) {}
          Channel<int> items;
          WaitGroup sending;
          std::vector<int> got;
        };
        auto state = std::make_shared<State>(capacity);
        state->sending.add(2);
        for (const int item : {1, 2}) {
          go([state, item] {
            state->items.send(item);
            state->sending.done();
          });
          go([state] {
            for (const int got : state->items) state->got.push_back(got);
          });
        }
        go([state] {
          state->sending.wait();
          state->items.close();
        });
        return [state] { return differs({1, 2}, state->got); };
      },
      kFew);
}

// A close that nothing orders with the sends: a send is delivered or panics, never both, never neither.
TEST_P(ChannelOf, ACloseBetweenSendsLosesNothingThatWasSent) {
  expect_sound([capacity = GetParam()]() -> Check {
    struct State {
      explicit State(std::size_t capacity) : items(capacity) {}
      Channel<int> items;
      std::vector<int> sent, got;
    };
    auto state = std::make_shared<State>(capacity);
    for (const int item : {1, 2}) {
      go([state, item] {
        try {
          state->items.send(item);
          state->sent.push_back(item);
        } catch (const Panic&) {
        }
      });
    }
    go([state] {
      for (const int got : state->items) state->got.push_back(got);
    });
    go([state] { state->items.close(); });
    return [state] {
      std::sort(state->sent.begin(), state->sent.end());
      return differs(state->sent, state->got);
    };
  });
}

TEST(Select, AgainstCloseTakesOneCaseAndLosesNothing) {
  expect_sound(
      []() -> Check {
        struct State {
          Channel<int> items{0};
          Channel<Unit> done{0};
          int got = 0;
          int sent = 0;
          int ends = 0;
        };
        auto state = std::make_shared<State>();
        go([state] {
          for (bool open = true; open;) {
            select(on_receive(state->items, [&](std::optional<int> item) { state->got += *item; }),
                   on_receive(state->done, [&](std::optional<Unit>) {
                     ++state->ends;
                     open = false;
                   }));
          }
        });
        for (int i = 0; i < 2; ++i) {
          go([state] {
            select(on_send(state->items, 1, [&] { ++state->sent; }),
                   on_receive(state->done, [](std::optional<Unit>) {}));
          });
        }
        go([state] { state->done.close(); });
        return [state]() -> std::string {
          if (state->ends != 1) return "the loop ended " + std::to_string(state->ends) + " times";
          return state->got == state->sent ? "" : "sent and received differ";
        };
      },
      kFew);
}

TEST(Select, OfBothSidesNeverMeetsItself) {
  expect_sound([]() -> Check {
    struct State {
      Channel<int> items{0};
      int sent = 0;
      int got = 0;
    };
    auto state = std::make_shared<State>();
    for (int i = 0; i < 2; ++i) {
      go([state] {
        select(on_send(state->items, 1, [&] { ++state->sent; }),
               on_receive(state->items, [&](std::optional<int>) { ++state->got; }));
      });
    }
    return [state]() -> std::string { return state->sent == 1 && state->got == 1 ? "" : "they did not meet"; };
  });
}

// ---- locks -------------------------------------------------------------------------------------------------------

TEST(Mutex, LetsOneInAtATime) {
  expect_sound([]() -> Check {
    struct State {
      Mutex lock;
      int inside = 0;
      int most = 0;
      int done = 0;
    };
    auto state = std::make_shared<State>();
    for (int i = 0; i < 3; ++i) {
      go([state] {
        state->lock.lock();
        state->most = std::max(state->most, ++state->inside);
        yield();
        --state->inside;
        ++state->done;
        state->lock.unlock();
      });
    }
    return [state]() -> std::string { return state->most == 1 && state->done == 3 ? "" : "two were inside"; };
  });
}

// Once a writer waits no reader gets in before it.
TEST(RwMutex, AWaitingWriterIsNotOvertaken) {
  expect_sound([]() -> Check {
    struct State {
      RwMutex lock;
      int readers = 0;
      bool writing = false;
      std::string wrong;
    };
    rw_events = {};
    auto state = std::make_shared<State>();
    for (int i = 0; i < 3; ++i) {
      go([state] {
        state->lock.lock_shared();
        ++state->readers;
        if (state->writing) state->wrong = "a reader beside the writer";
        --state->readers;
        state->lock.unlock_shared();
      });
    }
    go([state] {
      state->lock.lock();
      state->writing = true;
      if (state->readers != 0) state->wrong = "the writer beside a reader";
      state->writing = false;
      state->lock.unlock();
    });
    return [state] { return rw_events.overtaken ? "a reader overtook the writer" : state->wrong; };
  });
}

TEST(Semaphore, GivesOutNoMoreThanItHas) {
  expect_sound([]() -> Check {
    struct State {
      Semaphore tokens{2};
      int taken = 0;
      int most = 0;
    };
    auto state = std::make_shared<State>();
    for (const int wanted : {1, 2, 1}) {
      go([state, wanted] {
        state->tokens.acquire(wanted);
        state->most = std::max(state->most, state->taken += wanted);
        yield();
        state->taken -= wanted;
        state->tokens.release(wanted);
      });
    }
    return [state]() -> std::string { return state->most == 2 ? "" : std::to_string(state->most) + " were out"; };
  });
}

// ---- waiting -----------------------------------------------------------------------------------------------------

TEST(WaitGroup, MayBeUsedAgainOnceWaitHasReturned) {
  expect_sound([]() -> Check {
    struct State {
      WaitGroup group;
      int done = 0;
      std::string wrong;
    };
    auto state = std::make_shared<State>();
    go([state] {
      for (int round = 1; round <= 2; ++round) {
        for (int i = 0; i < 2; ++i) {
          state->group.go([state] { ++state->done; });
        }
        state->group.wait();
        if (state->done != 2 * round) state->wrong = "wait returned early";
      }
    });
    return [state] { return state->wrong; };
  });
}

TEST(Once, OneCallsAndTheOthersSeeItDone) {
  expect_sound(
      []() -> Check {
        struct State {
          Once once;
          int calls = 0;
          bool done = false;
          std::string wrong;
        };
        auto state = std::make_shared<State>();
        for (int i = 0; i < 3; ++i) {
          go([state] {
            state->once.call([&] {
              ++state->calls;
              yield();
              state->done = true;
            });
            if (!state->done) state->wrong = "call returned before the first had ended";
          });
        }
        return [state] { return state->calls == 1 ? state->wrong : std::to_string(state->calls) + " calls"; };
      },
      {.preemptions = 3});
}

TEST(Cond, LosesNoNotify) {
  expect_sound([]() -> Check {
    struct State {
      Mutex lock;
      Cond changed;
      int items = 0;
      int taken = 0;
    };
    auto state = std::make_shared<State>();
    for (int i = 0; i < 2; ++i) {
      go([state] {
        const std::scoped_lock held(state->lock);
        state->changed.wait(state->lock, [&] { return state->items > 0; });
        --state->items;
        ++state->taken;
      });
    }
    go([state] {
      for (int i = 0; i < 2; ++i) {
        {
          const std::scoped_lock held(state->lock);
          ++state->items;
        }
        state->changed.notify_one();
      }
    });
    return [state]() -> std::string { return state->taken == 2 ? "" : "not all were taken"; };
  });
}

// ---- contexts ----------------------------------------------------------------------------------------------------

TEST(Context, ACancelEndsEveryWaitBelowAndErrIsSetByThen) {
  expect_sound([]() -> Check {
    struct State {
      CancelContext parent = with_cancel(background());
      CancelContext child = with_cancel(parent.ctx);
      std::string wrong;
    };
    auto state = std::make_shared<State>();
    for (const Context& ctx : {state->parent.ctx, state->child.ctx}) {
      go([state, ctx] {
        ctx.done().receive();
        if (ctx.err() != ContextError::Canceled) state->wrong = "done without an error";
      });
    }
    go([state] { state->parent.cancel(); });
    go([state] { state->child.cancel(); });
    return [state] { return state->wrong; };
  });
}

TEST(Context, ADeadlineAgainstACancelGivesOneReason) {
  expect_sound([]() -> Check {
    struct State {
      CancelContext timed = with_timeout(background(), 10ms);
      std::error_code seen[2];
    };
    auto state = std::make_shared<State>();
    for (int i = 0; i < 2; ++i) {
      go([state, i] {
        state->timed.ctx.done().receive();
        state->seen[i] = state->timed.ctx.err();
      });
    }
    go([state] {
      sleep_for(10ms);  // to the same moment
      state->timed.cancel();
    });
    return [state]() -> std::string {
      return state->seen[0] && state->seen[0] == state->seen[1] ? "" : "two waiters saw different errors";
    };
  });
}

// ---- the explorer itself -----------------------------------------------------------------------------------------

// An event of the runtime's own making with the mistake that lost wake-ups come from: the look and the place in the
// queue are under the lock, but not under one and the same.
class LossyEvent {
 public:
  void wait() {
    {
      const detail::Inside inside;
      const detail::SpinGuard held(lock_);
      if (set_) return;
    }
    detail::Inside inside;
    lock_.lock();
    detail::Waiter waiter{.actor = &inside.actor()};
    detail::WaitQueue(waiting_).push_back(waiter);
    detail::wait_for_object(inside.actor(), VIGIL_WAIT_COND, this);
    detail::park(inside, detail::unlock_after(lock_));
  }
  void set() {
    detail::Inside inside;
    detail::WakeList woken;
    {
      const detail::SpinGuard held(lock_);
      set_ = true;
      detail::WaitQueue queue(waiting_);
      while (detail::Waiter* const waiter = queue.pop()) woken.add(*waiter);
    }
    detail::wake_all(inside.record(), woken);
  }

 private:
  detail::SpinLock lock_;
  bool set_ = false;
  detail::WaitQueueHead waiting_;
};

Check lossy_event() {
  // Kept for the process: a task that waits for ever holds its event for ever, which the address sanitizer calls a
  // leak.
  static auto& events = *new std::vector<std::shared_ptr<LossyEvent>>;
  auto event = events.emplace_back(std::make_shared<LossyEvent>());
  go([event] { event->wait(); });
  go([event] { event->set(); });
  return [] { return std::string(); };
}

TEST(Explorer, FindsAPlantedLostWakeUpAndReplaysIt) {
  const Explored explored = test::explore(lossy_event);
  ASSERT_EQ(explored.failure, "1 task waits for ever") << "after " << explored.schedules << " schedules";
  const Explored again = test::replay(lossy_event, Schedule::parse(explored.failing.text()));
  EXPECT_EQ(again.failure, explored.failure);
  EXPECT_EQ(again.trace, explored.trace);
  EXPECT_EQ(again.failing.text(), explored.failing.text());
  const Explored other = test::replay(lossy_event, Schedule{});
  EXPECT_EQ(other.failure, "") << "the first schedule is a good one";
}

TEST(Explorer, WithoutPreemptionItCannotFindIt) {
  const Explored explored = test::explore(lossy_event, {.preemptions = 0});
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(explored.complete);
}

// Two tasks of two operations each: (2 + 2)! / (2! * 2!) orders, when nothing bounds them.
TEST(Explorer, VisitsEveryOrderOnce) {
  std::vector<std::string> orders;
  const Program program = [&]() -> Check {
    auto order = std::make_shared<std::string>();
    for (const char* name : {"a", "b"}) {
      go([order, name] {
        *order += name;
        yield();
        *order += name;
      });
    }
    return [&orders, order] {
      orders.push_back(*order);
      return std::string();
    };
  };
  const Explored explored = test::explore(program, {.preemptions = 9});
  EXPECT_TRUE(explored.complete);
  EXPECT_EQ(explored.schedules, orders.size());
  std::sort(orders.begin(), orders.end());
  EXPECT_EQ(orders, (std::vector<std::string>{"aabb", "abab", "abba", "baab", "baba", "bbaa"}));
}

TEST(Explorer, TimePassesOnlyWhenNobodyCanGoOn) {
  const Program program = []() -> Check {
    struct State {
      std::chrono::steady_clock::duration slept{};
    };
    auto state = std::make_shared<State>();
    go([state] {
      const Timer timer(24h);
      const Timer sooner(1h);
      state->slept = *timer.channel().receive() - *sooner.channel().receive();
    });
    return [state]() -> std::string { return state->slept == 23h ? "" : "time passed otherwise"; };
  };
  expect_sound(program);
}

TEST(Schedule, IsReadAsItIsPrinted) {
  EXPECT_EQ(Schedule::parse("0.12.3").text(), "0.12.3");
  EXPECT_EQ(Schedule::parse("-").text(), "-");
  EXPECT_THROW(static_cast<void>(Schedule::parse("0.x")), std::invalid_argument);
}

}  // namespace
}  // namespace vigil
