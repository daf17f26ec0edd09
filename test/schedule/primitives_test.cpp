// The primitives in small programs, under every interleaving of their operations.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/schedule/sound.hpp"
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
  if (mode == (VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TWO_SIDED)) rw_events.writer_waits = true;
}
__attribute__((visibility("default"))) void vigil_probe_lock_taken(vigil_probe_actor* /*actor*/, const void* /*lock*/,
                                                                   std::uint32_t mode) noexcept {
  if (mode == (VIGIL_LOCK_EXCLUSIVE | VIGIL_LOCK_TWO_SIDED)) rw_events.writer_waits = false;
  if ((mode & VIGIL_LOCK_SHARED) != 0 && rw_events.writer_waits) rw_events.overtaken = true;
}
}

namespace vigil {
namespace {

using test::Check;
using test::expect_sound;
using test::kFew;

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

// A cancel that comes with the release: the token goes to one, is not lost, and is not given twice.
TEST(Semaphore, ACancelAgainstAReleaseLosesNoToken) {
  expect_sound([]() -> Check {
    struct State {
      Semaphore tokens{1};
      CancelContext given_up = with_cancel(background());
      int taken = 0;
      int most = 0;
    };
    auto state = std::make_shared<State>();
    go([state] {
      state->tokens.acquire();
      yield();
      state->tokens.release();
    });
    for (int i = 0; i < 2; ++i) {
      go([state] {
        if (state->tokens.acquire(state->given_up.ctx)) return;
        state->most = std::max(state->most, ++state->taken);
        --state->taken;
        state->tokens.release();
      });
    }
    go([state] { state->given_up.cancel(); });
    return [state]() -> std::string {
      if (state->most > 1) return "two had the one token";
      return state->tokens.try_acquire() ? "" : "the token is lost";
    };
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

// A close that nothing orders with the submits: a job is done or its submit panics, and close() leaves nobody behind.
TEST(WorkerPool, ACloseAgainstSubmitsLosesNoJob) {
  expect_sound(
      []() -> Check {
        struct State {
          WorkerPool pool{WorkerPoolOptions{.workers = 1}};
          int submitted = 0;
          int done = 0;
        };
        auto state = std::make_shared<State>();
        for (int i = 0; i < 2; ++i) {
          go([state] {
            try {
              state->pool.submit([state = state.get()] { ++state->done; });
              ++state->submitted;
            } catch (const Panic&) {
            }
          });
        }
        go([state] {
          state->pool.close();
          state->pool.wait();
        });
        return [state]() -> std::string { return state->submitted == state->done ? "" : "submitted and done differ"; };
      },
      kFew);
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

}  // namespace
}  // namespace vigil
