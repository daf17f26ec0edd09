// Time under every interleaving: sleeping, timers, tickers, timeouts and deadlines, on the explorer's clock, which
// passes only when nobody can go on, straight to the next deadline. So "at least as long as asked" is "exactly as long"
// here, and a slow receiver is one that sleeps for long. That the system's clock drives the same code is shown by
// test/runtime/timer_test.cpp.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/src/clock.hpp"
#include "test/schedule/sound.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::Check;
using test::expect_sound;
using test::Program;

TimePoint now() { return TimePoint(std::chrono::nanoseconds(detail::now_ns())); }

// A program of one task, which says what is wrong.
Program task(std::function<std::string()> body) {
  return [body = std::move(body)]() -> Check {
    auto wrong = std::make_shared<std::string>("it has not run");
    go([body, wrong] { *wrong = body(); });
    return [wrong] { return *wrong; };
  };
}

std::string unless(bool right, const char* what) { return right ? "" : what; }

TEST(Explorer, TimePassesOnlyWhenNobodyCanGoOn) {
  expect_sound(task([] {
    const Timer timer(24h);
    const Timer sooner(1h);
    return unless(*timer.channel().receive() - *sooner.channel().receive() == 23h, "time passed otherwise");
  }));
}

// ---- sleeping ----------------------------------------------------------------------------------------------------

TEST(Sleep, LastsAsLongAsAskedAndNoLonger) {
  expect_sound(task([] {
    const TimePoint before = now();
    sleep_for(3s);
    if (now() - before != 3s) return "sleep_for took " + std::to_string((now() - before).count());
    sleep_until(std::chrono::steady_clock::now() - 1h);
    sleep_for(-1h);
    return unless(now() - before == 3s, "a sleep for no time took some");
  }));
}

TEST(Sleep, SleepersWakeInTheOrderOfTheirDeadlines) {
  expect_sound([]() -> Check {
    auto woken = std::make_shared<std::vector<int>>();
    for (const int seconds : {3, 1, 2}) {
      go([woken, seconds] {
        sleep_for(std::chrono::seconds(seconds));
        woken->push_back(seconds);
      });
    }
    return [woken] { return unless(*woken == std::vector<int>{1, 2, 3}, "they woke in another order"); };
  });
}

// ---- timers ------------------------------------------------------------------------------------------------------

TEST(Timer, EarlierOnesFireFirst) {
  expect_sound(task([] {
    const TimePoint start = now();
    const Timer late(6ms);
    const Timer early(2ms);
    const Timer middle(4ms);
    const auto third = *late.channel().receive() - start;
    const auto first = *early.channel().receive() - start;
    const auto second = *middle.channel().receive() - start;
    return unless(first == 2ms && second == 4ms && third == 6ms, "one fired at another time");
  }));
}

// stop() at the moment at which the timer fires: it says true and no tick comes, or false and one does.
TEST(Timer, StopAgainstFiringIsOneOrTheOther) {
  expect_sound([]() -> Check {
    struct State {
      Timer timer{1s};
      bool stopped = false;
    };
    auto state = std::make_shared<State>();
    go([state] {
      sleep_for(1s);
      state->stopped = state->timer.stop();
    });
    go([] { sleep_for(1s); });
    return [state] {
      return unless(state->timer.channel().size() == (state->stopped ? 0U : 1U), "stop() and the channel differ");
    };
  });
}

TEST(Timer, ResetAgainstFiringFiresOnceMore) {
  expect_sound([]() -> Check {
    struct State {
      Timer timer{1s};
      int ticks = 0;
      bool was_set = false;
    };
    auto state = std::make_shared<State>();
    go([state] {
      sleep_for(1s);
      state->was_set = state->timer.reset(1s);
    });
    go([state] {
      while (select(on_receive(state->timer.channel()), on_timeout(10s)) == 0) ++state->ticks;
    });
    return [state] { return unless(state->ticks == (state->was_set ? 1 : 2), "a tick too few or too many"); };
  });
}

// "AfterFunc ... It returns a Timer that can be used to cancel the call using its Stop method."
TEST(AfterFunc, StopAgainstFiringIsOneOrTheOther) {
  expect_sound([]() -> Check {
    struct State {
      int calls = 0;
      bool stopped = false;
    };
    auto state = std::make_shared<State>();
    go([state] {
      const Timer timer = after_func(1s, [state] { ++state->calls; });
      sleep_for(1s);
      state->stopped = timer.stop();
    });
    return [state] { return unless(state->calls == (state->stopped ? 0 : 1), "stop() and the call differ"); };
  });
}

// ---- tickers -----------------------------------------------------------------------------------------------------

// "The period of the ticks is specified by the duration argument."
TEST(Ticker, TicksAgainAndAgain) {
  expect_sound(task([]() -> std::string {
    const TimePoint start = now();
    const Ticker ticker(2s);
    for (int i = 1; i <= 3; ++i)
      if (*ticker.channel().receive() - start != i * 2s) return "tick " + std::to_string(i) + " came at another time";
    ticker.stop();
    return "";
  }));
}

// "The ticker will adjust the time interval or drop ticks to make up for slow receivers."
TEST(Ticker, DropsTicksForASlowReceiver) {
  expect_sound(task([]() -> std::string {
    const TimePoint start = now();
    const Ticker ticker(1s);
    sleep_for(20'500ms);
    if (ticker.channel().capacity() != 1 || ticker.channel().size() != 1) return "not one tick in a channel for one";
    if (*ticker.channel().receive() - start != 1s) return "what it held was not the first tick";
    const auto next = *ticker.channel().receive() - start;
    ticker.stop();
    return unless(next == 21s, "the period moved");
  }));
}

// "Stop turns off a ticker. After Stop, no more ticks will be sent. Stop does not close the channel".
TEST(Ticker, SendsNothingAfterStop) {
  expect_sound([]() -> Check {
    struct State {
      Ticker ticker{1s};
      std::string wrong = "it has not run";
    };
    auto state = std::make_shared<State>();
    go([state] {
      sleep_for(2s);  // to the moment of a tick
      state->ticker.stop();
      static_cast<void>(state->ticker.channel().try_receive());  // one sent before the stop
      sleep_for(10s);
      const bool is_empty = select(on_receive(state->ticker.channel()), otherwise()) == 1;  // and is not closed
      state->wrong = unless(is_empty, "a tick after the stop, or a close");
    });
    return [state] { return state->wrong; };
  });
}

// ---- timeouts and deadlines --------------------------------------------------------------------------------------

TEST(Select, TimesOutWhenNothingBecomesReady) {
  expect_sound(task([]() -> std::string {
    const TimePoint before = now();
    const Channel<int> never(0);
    bool late = false;
    if (select(on_receive(never), on_timeout(5s, [&] { late = true; })) != 1 || !late) return "it was not taken";
    return unless(now() - before == 5s, "after another time");
  }));
}

TEST(Select, TheShortestTimeoutCounts) {
  expect_sound(task([]() -> std::string {
    const TimePoint before = now();
    if (select(on_timeout(1h), on_timeout(1ms), on_timeout(2h)) != 1) return "another was taken";
    return unless(now() - before == 1ms, "after another time");
  }));
}

// A send at the very moment at which the receiving select's time is over: delivered or not, and both sides know.
TEST(Select, ATimeoutAgainstASendLosesNothing) {
  expect_sound([]() -> Check {
    struct State {
      Channel<int> items{0};
      int sent = 0, received = 0;
    };
    auto state = std::make_shared<State>();
    go([state] { select(on_receive(state->items, [&] { ++state->received; }), on_timeout(1s)); });
    go([state] {
      sleep_for(1s);
      select(on_send(state->items, 1, [&] { ++state->sent; }), on_timeout(1s));
    });
    return [state] { return unless(state->sent == state->received, "sent and received differ"); };
  });
}

// "The returned Context.Done channel is closed when the deadline expires".
TEST(ContextDeadline, ClosesDoneWhenItIsOver) {
  expect_sound(task([]() -> std::string {
    const TimePoint before = now();
    const auto [ctx, cancel] = with_timeout(background(), 2s);
    if (ctx.err()) return "done before";
    ctx.done().receive();
    if (now() - before != 2s) return "at another time";
    if (ctx.err() != ContextError::DeadlineExceeded) return "for another reason";
    cancel();
    // "successive calls to Err return the same error"
    return unless(ctx.err() == ContextError::DeadlineExceeded, "a cancel changed the reason");
  }));
}

TEST(ContextDeadline, EndsAWaitForTheChannelAlone) {
  expect_sound(task([]() -> std::string {
    const ReceiveChannel<Unit> done = with_timeout(background(), 2s).ctx.done();
    done.receive();
    return "";
  }));
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
    return [state] {
      return unless(state->seen[0] && state->seen[0] == state->seen[1], "two waiters saw different errors");
    };
  });
}

TEST(Semaphore, ADeadlineEndsTheWait) {
  expect_sound(task([] {
    Semaphore semaphore(0);
    const auto [ctx, cancel] = with_timeout(background(), 2s);
    return unless(semaphore.acquire(ctx) == ContextError::DeadlineExceeded, "it ended otherwise");
  }));
}

// ---- pools -------------------------------------------------------------------------------------------------------

TEST(WorkerPool, IdleWorkersEndAndComeBack) {
  expect_sound(task([]() -> std::string {
                 WorkerPool pool({.workers = 2, .idle_expiry = 1s});
                 for (int round = 0; round < 2; ++round) {
                   int ran = 0;
                   pool.submit([&] { ++ran; });
                   pool.submit([&] { ++ran; });
                   pool.wait();
                   if (ran != 2) return "a job was not done";
                   sleep_for(3s);
                   if (pool.worker_count() != 0) return "an idle worker is still there";
                 }
                 return "";
               }),
               test::kFew);
}

// A worker whose time is over at the moment at which a job comes: the job is done, by whomever.
TEST(WorkerPool, ExpiryAgainstASubmitLosesNoJob) {
  expect_sound(task([]() -> std::string {
                 int ran = 0;
                 {
                   WorkerPool pool({.workers = 1, .queue = 1, .idle_expiry = 1s});
                   pool.submit([&] { ++ran; });
                   pool.wait();
                   sleep_for(1s);
                   pool.submit([&] { ++ran; });
                 }
                 return unless(ran == 2, "a job was not done");
               }),
               test::kFew);
}

}  // namespace
}  // namespace vigil
