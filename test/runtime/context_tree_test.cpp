// Contexts beyond with_cancel (context_test.cpp): deadlines, values, causes, functions, tasks. Each fact of the
// documentation of Go's package context.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/context.hpp"
#include "vigil/vigil.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::settle;
using test::until_timers;

bool is_done(const Context& ctx) { return select(on_receive(ctx.done()), otherwise()) == 0; }

std::string text_of(const std::exception_ptr& cause) {
  try {
    std::rethrow_exception(cause);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

// ---- deadlines ---------------------------------------------------------------------------------------------------

TEST(ContextDeadline, IsTheReasonOnceItIsOver) {
  const auto [ctx, cancel] = with_timeout(background(), 1ms);
  ctx.done().receive();
  EXPECT_EQ(ctx.err(), ContextError::DeadlineExceeded);
  EXPECT_EQ(ctx.err().message(), "context deadline exceeded");
  EXPECT_EQ(text_of(ctx.cause()), "context deadline exceeded");
}

TEST(ContextDeadline, OneThatIsOverIsDoneAtOnce) {
  EXPECT_EQ(with_timeout(background(), 0s).ctx.err(), ContextError::DeadlineExceeded);
  EXPECT_EQ(with_timeout(background(), -1s).ctx.err(), ContextError::DeadlineExceeded);
  const auto past = std::chrono::system_clock::now() - 1h;
  EXPECT_TRUE(is_done(with_deadline(background(), past).ctx));
  until_timers(0);
}

// "If the parent's deadline is already earlier than d, WithDeadline(parent, d) is semantically equivalent to parent."
TEST(ContextDeadline, AParentsEarlierOneHolds) {
  const auto near = with_timeout(background(), 1h);
  const auto far = with_timeout(near.ctx, 2h);
  EXPECT_EQ(far.ctx.deadline(), near.ctx.deadline());
  const auto nearer = with_timeout(near.ctx, 1min);
  EXPECT_LT(nearer.ctx.deadline(), near.ctx.deadline());
  until_timers(2);  // far needs none of its own
  near.cancel();
  EXPECT_EQ(nearer.ctx.err(), ContextError::Canceled);
  until_timers(0);
}

// "Deadline returns ok==false when no deadline is set."
TEST(ContextDeadline, IsInheritedAndEmptyWithout) {
  EXPECT_FALSE(background().deadline().has_value());
  EXPECT_FALSE(with_cancel(background()).ctx.deadline().has_value());
  const auto when = std::chrono::steady_clock::now() + 1h;
  const auto timed = with_deadline(background(), when);
  const auto below = with_cancel(with_value(timed.ctx, 1, 2));
  ASSERT_TRUE(below.ctx.deadline().has_value());
  EXPECT_EQ(*below.ctx.deadline(), when);
  timed.cancel();
  const auto over = with_deadline(background(), when - 1h);  // which was just now: the clock may have begun since -2h
  EXPECT_EQ(over.ctx.err(), ContextError::DeadlineExceeded);
  EXPECT_EQ(over.ctx.deadline(), when - 1h);
  // The steady clock's first moment stands for all before it: on Linux the machine did not run then.
  const auto long_over = with_deadline(background(), std::chrono::steady_clock::time_point(-1h));
  EXPECT_EQ(long_over.ctx.err(), ContextError::DeadlineExceeded);
  EXPECT_EQ(long_over.ctx.deadline(), std::chrono::steady_clock::time_point(1ns));
  const auto by_the_wall = with_deadline(background(), std::chrono::system_clock::now() + 1h);
  EXPECT_TRUE(by_the_wall.ctx.deadline().has_value());
  by_the_wall.cancel();
}

// "Canceling this context releases resources associated with it".
TEST(ContextDeadline, CancelTakesItsTimerBack) {
  const auto [ctx, cancel] = with_timeout(background(), 1h);
  until_timers(1);
  cancel();
  until_timers(0);
  EXPECT_EQ(ctx.err(), ContextError::Canceled);
}

// ---- causes ------------------------------------------------------------------------------------------------------

// "Calling cancel with a non-nil error (the "cause") records that error in ctx; it can then be retrieved using
// Cause(ctx)."
TEST(ContextCause, IsWhatItWasCancelledWith) {
  const auto [ctx, cancel] = with_cancel_cause(background());
  EXPECT_EQ(ctx.cause(), nullptr);
  cancel(std::runtime_error("out of fuel"));
  EXPECT_EQ(ctx.err(), ContextError::Canceled);
  EXPECT_EQ(text_of(ctx.cause()), "out of fuel");
  cancel(std::runtime_error("later"));
  EXPECT_EQ(text_of(ctx.cause()), "out of fuel");
}

// "Calling cancel with nil sets the cause to Canceled."
TEST(ContextCause, WithoutOneIsTheErr) {
  const auto [ctx, cancel] = with_cancel_cause(background());
  cancel();
  EXPECT_EQ(text_of(ctx.cause()), "context canceled");
}

// "WithDeadlineCause behaves like WithDeadline but also sets the cause of the returned Context when the deadline is
// exceeded. The returned CancelFunc does not set the cause."
TEST(ContextCause, OfADeadlineIsWhatWasGivenWithIt) {
  const auto over = with_timeout_cause(background(), 0s, std::runtime_error("too late"));
  EXPECT_EQ(over.ctx.err(), ContextError::DeadlineExceeded);
  EXPECT_EQ(text_of(over.ctx.cause()), "too late");
  const auto soon = with_timeout_cause(background(), 1ms, std::make_exception_ptr(std::runtime_error("too slow")));
  const auto below = with_cancel(soon.ctx);
  below.ctx.done().receive();
  EXPECT_EQ(text_of(soon.ctx.cause()), "too slow");
  EXPECT_EQ(text_of(below.ctx.cause()), "too slow");
  const auto when = std::chrono::steady_clock::now() + 1h;
  const auto cancelled = with_deadline_cause(background(), when, std::runtime_error("never"));
  cancelled.cancel();
  EXPECT_EQ(cancelled.ctx.err(), ContextError::Canceled);
  EXPECT_EQ(text_of(cancelled.ctx.cause()), "context canceled");
  const auto none = with_timeout_cause(background(), 0s, nullptr);
  EXPECT_EQ(text_of(none.ctx.cause()), "context deadline exceeded");
}

// A parent's earlier deadline holds, and with it its cause.
TEST(ContextCause, OfAParentsEarlierDeadlineIsTheParents) {
  const auto above = with_timeout_cause(background(), 1ms, std::runtime_error("the parent's"));
  const auto below = with_timeout_cause(above.ctx, 1h, std::runtime_error("the child's"));
  below.ctx.done().receive();
  EXPECT_EQ(text_of(below.ctx.cause()), "the parent's");
}

// "...or of the first of its parents to be canceled".
TEST(ContextCause, GoesDownToTheDescendants) {
  const auto [ctx, cancel] = with_cancel_cause(background());
  const auto child = with_cancel(with_value(ctx, 1, 1));
  cancel(std::runtime_error("above"));
  EXPECT_EQ(text_of(child.ctx.cause()), "above");
  EXPECT_EQ(text_of(with_cancel(ctx).ctx.cause()), "above");
}

TEST(ContextCause, OfAChildStaysItsOwn) {
  const auto [ctx, cancel] = with_cancel_cause(background());
  const auto child = with_cancel_cause(ctx);
  child.cancel(std::runtime_error("mine"));
  cancel(std::runtime_error("above"));
  EXPECT_EQ(text_of(child.ctx.cause()), "mine");
}

// ---- values ------------------------------------------------------------------------------------------------------

enum class MyKey { User };
enum class OtherKey { User };

// "Value returns the value associated with this context for key, or nil if no value is associated with key."
TEST(ContextValue, IsFoundByItsKeyOnly) {
  const Context ctx = with_value(with_value(background(), MyKey::User, 7), "name", "bob");
  EXPECT_EQ(ctx.value<int>(MyKey::User), 7);
  EXPECT_EQ(ctx.value<std::string>("name"), "bob");
  EXPECT_EQ(ctx.value<std::string>(std::string("name")), "bob");
  EXPECT_FALSE(ctx.value<int>(OtherKey::User).has_value());
  EXPECT_FALSE(ctx.value<std::string>("other").has_value());
  EXPECT_FALSE(background().value<int>(MyKey::User).has_value());
}

struct EmptyKey {};

// As with Go's `type key struct{}`.
TEST(ContextValue, AnEmptyTypeIsAKey) {
  const Context ctx = with_value(background(), EmptyKey{}, 7);
  EXPECT_EQ(ctx.value<int>(EmptyKey{}), 7);
  EXPECT_FALSE(ctx.value<int>(MyKey::User).has_value());
}

TEST(ContextValue, OfAnotherTypeIsNotThere) {
  const Context ctx = with_value(background(), MyKey::User, 7);
  EXPECT_FALSE(ctx.value<long>(MyKey::User).has_value());
}

TEST(ContextValue, TheNearestHides) {
  static const int address = 0;
  const Context outer = with_value(background(), &address, 1);
  const Context inner = with_value(outer, &address, 2);
  EXPECT_EQ(inner.value<int>(&address), 2);
  EXPECT_EQ(outer.value<int>(&address), 1);
}

TEST(ContextValue, IsDoneWithItsParent) {
  const auto [ctx, cancel] = with_cancel(background());
  const Context below = with_value(ctx, 1, 2);
  cancel();
  EXPECT_TRUE(is_done(below));
  EXPECT_EQ(below.err(), ContextError::Canceled);
}

// "WithoutCancel returns a derived context that points to the parent context and is not canceled when parent is
// canceled."
TEST(ContextWithoutCancel, KeepsTheValuesOnly) {
  const auto [ctx, cancel] = with_timeout(with_value(background(), MyKey::User, 7), 1h);
  const Context free = without_cancel(ctx);
  cancel();
  EXPECT_FALSE(free.err());
  EXPECT_TRUE(free.done().is_nil());
  EXPECT_FALSE(free.deadline().has_value());
  EXPECT_EQ(free.value<int>(MyKey::User), 7);
}

// ---- functions ---------------------------------------------------------------------------------------------------

// "AfterFunc arranges to call f in its own goroutine after ctx is done."
TEST(ContextAfterFunc, IsCalledInATaskOfItsOwn) {
  const auto [ctx, cancel] = with_cancel(background());
  Channel<TaskId> caller(1);
  const StopFunction stop = after_func(ctx, [=] { caller.send(task_id()); });
  settle();
  EXPECT_EQ(caller.size(), 0U);
  cancel();
  EXPECT_NE(caller.receive(), TaskId::None);
  EXPECT_FALSE(stop());
}

// "If ctx is already done, AfterFunc calls f immediately in its own goroutine."
TEST(ContextAfterFunc, IsCalledAtOnceWhenItIsDone) {
  const auto [ctx, cancel] = with_cancel(background());
  cancel();
  Channel<Unit> called(1);
  const StopFunction stop = after_func(ctx, [=] { called.send({}); });
  called.receive();
  EXPECT_FALSE(stop());
}

// "stop returns true if the call stopped f from being run."
TEST(ContextAfterFunc, StopKeepsItFromBeingCalled) {
  const auto [ctx, cancel] = with_cancel(background());
  const StopFunction stop = after_func(ctx, [] { FAIL(); });
  const StopFunction never = after_func(background(), [] { FAIL(); });
  EXPECT_TRUE(stop());
  EXPECT_FALSE(stop());
  EXPECT_TRUE(never());
  EXPECT_FALSE(never());
  cancel();
  settle();
}

// "Multiple calls to AfterFunc on a context operate independently; one does not replace another."
TEST(ContextAfterFunc, SeveralAreIndependent) {
  const auto [ctx, cancel] = with_cancel(background());
  Channel<int> called(3);
  for (int i = 0; i < 3; ++i) after_func(ctx, [=] { called.send(i); });
  cancel();
  int sum = 0;
  for (int i = 0; i < 3; ++i) sum += called.receive_or_zero();
  EXPECT_EQ(sum, 3);
}

TEST(ContextAfterFunc, GoesWithAContextThatIsNeverDone) {
  auto shared = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = shared;
  {
    const auto [ctx, cancel] = with_cancel(background());
    after_func(ctx, [shared = std::move(shared)] { FAIL(); });
    EXPECT_FALSE(alive.expired());
  }
  EXPECT_TRUE(alive.expired());
}

// ---- what a context leaves behind --------------------------------------------------------------------------------

// "WithCancel returns a copy of parent with a new Done channel. The returned context's Done channel is closed when the
// returned cancel function is called or when the parent context's Done channel is closed": whoever still holds what.
TEST(ContextLeftOver, DoneChannelIsClosedByTheParentsEnd) {
  const auto [ctx, cancel] = with_cancel(background());
  ReceiveChannel<Unit> done = with_cancel(ctx).ctx.done();
  EXPECT_FALSE(done.try_receive().has_value());
  EXPECT_EQ(select(on_receive(done), otherwise()), 1U);
  cancel();
  EXPECT_EQ(select(on_receive(done), otherwise()), 0U);
}

TEST(ContextLeftOver, DoneChannelOfAGrandchildIsClosedToo) {
  const auto [ctx, cancel] = with_cancel(background());
  const ReceiveChannel<Unit> done = with_cancel(with_value(with_cancel(ctx).ctx, 1, 2)).ctx.done();
  cancel();
  EXPECT_EQ(select(on_receive(done), otherwise()), 0U);
}

TEST(ContextLeftOver, ReceiverWakesAtTheParentsEnd) {
  const auto [ctx, cancel] = with_cancel(background());
  Channel<bool> got(1);
  go([got, done = with_cancel(ctx).ctx.done()] { got.send(done.receive().has_value()); });
  settle();
  EXPECT_EQ(got.size(), 0U);
  cancel();
  EXPECT_EQ(got.receive(), false);
}

TEST(ContextLeftOver, FunctionIsCalledAtTheParentsEnd) {
  const auto [ctx, cancel] = with_cancel(background());
  Channel<Unit> called(1);
  const StopFunction stop = after_func(with_cancel(ctx).ctx, [=] { called.send({}); });
  settle();
  EXPECT_EQ(called.size(), 0U);
  cancel();
  called.receive();
  EXPECT_FALSE(stop());
}

TEST(ContextLeftOver, FunctionCanStillBeTakenBack) {
  const auto [ctx, cancel] = with_cancel(background());
  auto shared = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = shared;
  const StopFunction stop = after_func(with_cancel(ctx).ctx, [shared = std::move(shared)] { FAIL(); });
  EXPECT_TRUE(stop());
  EXPECT_TRUE(alive.expired());
  EXPECT_FALSE(stop());
  cancel();
  settle();
}

TEST(ContextLeftOver, NothingStaysWhereNobodyIsLeftToEndIt) {
  ReceiveChannel<Unit> done;
  {
    const auto parent = with_cancel(background());
    done = with_cancel(parent.ctx).ctx.done();
  }
  EXPECT_EQ(select(on_receive(done), otherwise()), 1U);
}

// Ends that meet: the last handle of a child goes while its parent is being cancelled.
TEST(ContextLeftOver, IsReachedWhicheverEndsFirst) {
  for (int round = 0; round < 300; ++round) {
    auto parent = with_cancel(background());
    auto child = std::make_unique<CancelContext>(with_cancel(parent.ctx));
    const ReceiveChannel<Unit> done = child->ctx.done();
    Channel<Unit> called(1);
    after_func(child->ctx, [=] { called.send({}); });
    WaitGroup both;
    both.go([&] { child.reset(); });
    both.go([&] { parent.cancel(); });
    both.wait();
    EXPECT_FALSE(done.receive().has_value());
    called.receive();
  }
}

// ---- tasks -------------------------------------------------------------------------------------------------------

TEST(GoWithContext, HandsTheContextToWhoTakesIt) {
  const auto [ctx, cancel] = with_cancel(background());
  Channel<int> ended(0);
  go(
      ctx,
      [=](const Context& mine, int value) {
        mine.done().receive();
        ended.send(value);
      },
      7);
  go(
      ctx, [=](int value) { ended.send(value); }, 8);
  EXPECT_EQ(ended.receive(), 8);
  cancel();
  EXPECT_EQ(ended.receive(), 7);
}

TEST(GoWithContext, TheTaskKeepsItAlive) {
  Channel<Unit> go_on(0);
  Channel<bool> found(0);
  go(with_value(background(), 1, 2), [=](const Context& ctx) {
    go_on.receive();
    found.send(ctx.value<int>(1) == 2);
  });
  go_on.send({});
  EXPECT_EQ(found.receive(), true);
}

// ---- the tree ----------------------------------------------------------------------------------------------------

// A cancelled child leaves its parent: what is made and cancelled a million times does not pile up. Were it to, this
// test would take a second for each thousand.
TEST(ContextTree, CancelledChildrenTakeNoRoomInTheirParent) {
  const auto parent = with_cancel(background());
  std::weak_ptr<int> alive;
  {
    auto shared = std::make_shared<int>(1);
    alive = shared;
    const auto child = with_cancel(with_value(parent.ctx, 1, std::move(shared)));
    child.cancel();
  }
  EXPECT_TRUE(alive.expired());
  for (int i = 0; i < 100'000; ++i) with_cancel(parent.ctx).cancel();
  EXPECT_FALSE(parent.ctx.err());
}

TEST(ContextTree, AnEndlessChainEndsWithoutAnEndlessStack) {
  WaitGroup task;
  task.go([] {
    const auto root = with_cancel(background());
    std::vector<CancelContext> held;
    CancelContext at = with_cancel(root.ctx);
    for (int i = 0; i < 100'000; ++i) at = with_cancel(at.ctx);
    Context leaf = at.ctx;
    at = with_cancel(background());
    root.cancel();
    EXPECT_EQ(leaf.err(), ContextError::Canceled);
    leaf = background();
  });
  task.wait();
}

TEST(ContextTree, EverythingBelowIsDoneWhenCancelReturns) {
  for (int round = 0; round < 300; ++round) {
    const auto root = with_cancel(background());
    std::vector<CancelContext> tree{with_cancel(root.ctx)};
    for (std::size_t i = 0; i < 30; ++i) tree.push_back(with_timeout(tree[i / 2].ctx, 1h));
    WaitGroup all;
    for (int i = 0; i < 2; ++i) {
      all.go([&] {
        root.cancel();
        for (const CancelContext& each : tree) {
          EXPECT_TRUE(each.ctx.err());
          EXPECT_TRUE(is_done(each.ctx));
        }
      });
    }
    all.go([&] { tree[3].cancel(); });
    std::thread plain([&] { root.cancel(); });
    all.wait();
    plain.join();
  }
  until_timers(0);
}

// "If Done is not yet closed, Err returns nil. If Done is closed, Err returns a non-nil error".
TEST(ContextTree, ErrAndDoneChangeTogether) {
  for (int round = 0; round < 2000; ++round) {
    const auto [ctx, cancel] = with_cancel(background());
    WaitGroup all;
    all.go([cancel = cancel] { cancel(); });
    for (;;) {
      const bool closed = is_done(ctx);
      const bool err = static_cast<bool>(ctx.err());
      if (closed) {
        EXPECT_TRUE(err);
      }
      if (err) {
        EXPECT_TRUE(is_done(ctx));
        break;
      }
    }
    all.wait();
  }
}

TEST(ContextTree, ComesAndGoesUnderLoad) {
  for (int round = 0; round < 30; ++round) {
    const auto root = with_cancel(background());
    WaitGroup all;
    std::atomic<int> called{0};
    for (int i = 0; i < 4; ++i) {
      all.go([&, i] {
        for (int k = 0; k < 50; ++k) {
          const auto child = with_timeout(root.ctx, std::chrono::microseconds(k * 3));
          const auto grandchild = with_cancel(with_value(child.ctx, 1, 1));
          const StopFunction stop = after_func(grandchild.ctx, [&] { ++called; });
          if (k % 3 == i % 3) stop();
          if (k % 2 == 0) grandchild.cancel();
          if (k % 5 == 0) child.ctx.done().receive();
        }
      });
    }
    std::thread plain([&] { root.cancel(); });
    plain.join();
    all.wait();
    settle();
  }
  until_timers(0);
}

}  // namespace
}  // namespace vigil
