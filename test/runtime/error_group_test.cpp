// ErrorGroup: each fact of the documentation of golang.org/x/sync/errgroup.
#include "vigil/error_group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/channel.hpp"

namespace vigil {
namespace {

using test::await_parked;
using test::settle;

static_assert(!std::is_copy_constructible_v<ErrorGroup> && !std::is_move_constructible_v<ErrorGroup>);

std::string failure_of(ErrorGroup& group) {
  try {
    group.wait();
  } catch (const std::exception& exception) {
    return exception.what();
  }
  return "";
}

// "Wait blocks until all function calls from the Go method have returned, then returns the first non-nil error (if any)
// from them."
TEST(ErrorGroup, WaitThrowsTheFirstFailureAfterAllHaveEnded) {
  ErrorGroup group;
  Channel<Unit> go_on(0);
  std::atomic<int> ended{0};
  group.go([&] {
    ++ended;
    throw std::runtime_error("first");
  });
  settle();
  group.go([&] {
    go_on.receive();
    ++ended;
    throw std::runtime_error("second");
  });
  group.go([&] { go_on.receive(), ++ended; });
  await_parked(VIGIL_WAIT_RECEIVE, 2);
  go_on.close();
  EXPECT_EQ(failure_of(group), "first");
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(failure_of(group), "first");  // each wait() says so
}

TEST(ErrorGroup, WaitReturnsWhenNoneFails) {
  ErrorGroup group;
  int value = 0;
  group.go([&] { value = 7; });
  group.wait();
  EXPECT_EQ(value, 7);
  EXPECT_EQ(group.wait_for_error(), nullptr);
}

TEST(ErrorGroup, AnErrorCodeThatIsNotZeroIsAFailure) {
  ErrorGroup group;
  group.go([] { return std::error_code(); });
  EXPECT_EQ(failure_of(group), "");
  group.go([] { return std::make_error_code(std::errc::no_such_file_or_directory); });
  EXPECT_THROW(group.wait(), std::system_error);
}

// "The derived Context is canceled the first time a function passed to Go returns a non-nil error".
TEST(ErrorGroup, TheFirstFailureCancelsItsContext) {
  auto [group, ctx] = ErrorGroup::with_context(background());
  EXPECT_EQ(ctx, group.context());
  const Context seen = ctx;
  group.go([seen] { seen.done().receive(); });
  EXPECT_FALSE(ctx.err());
  group.go([] { throw std::runtime_error("broken"); });
  EXPECT_EQ(failure_of(group), "broken");
  EXPECT_EQ(ctx.err(), ContextError::Canceled);
  try {
    std::rethrow_exception(ctx.cause());
  } catch (const std::runtime_error& cause) {
    EXPECT_STREQ(cause.what(), "broken");
  }
}

// "...or the first time Wait returns, whichever occurs first."
TEST(ErrorGroup, WaitCancelsItsContext) {
  auto [group, ctx] = ErrorGroup::with_context(background());
  group.go([] {});
  group.wait();
  EXPECT_EQ(ctx.err(), ContextError::Canceled);
}

TEST(ErrorGroup, ItsContextEndsWithTheParent) {
  const auto parent = with_cancel(background());
  ErrorGroup group(parent.ctx);
  group.go([ctx = group.context()] { ctx.done().receive(); });
  parent.cancel();
  group.wait();
}

// "SetLimit limits the number of active goroutines in this group to at most n. Any subsequent call to the Go method
// will block until it can add an active goroutine without exceeding the configured limit."
TEST(ErrorGroup, GoWaitsAtTheLimit) {
  ErrorGroup group;
  group.set_limit(2);
  Channel<Unit> go_on(0);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  const auto body = [&] {
    const int now = ++running;
    if (now > most) most = now;
    go_on.receive();
    --running;
  };
  WaitGroup starter;
  starter.go([&] {
    for (int i = 0; i < 6; ++i) group.go(body);
  });
  await_parked(VIGIL_WAIT_RECEIVE, 2);
  await_parked(VIGIL_WAIT_SEND, 1);
  EXPECT_FALSE(group.try_go(body));
  go_on.close();
  starter.wait();
  group.wait();
  EXPECT_EQ(most, 2);
  EXPECT_TRUE(group.try_go([] {}));
  group.wait();
}

// "A negative value indicates no limit." "A limit of zero will prevent any new goroutines from being added."
TEST(ErrorGroup, ALimitOfZeroLetsNobodyStart) {
  ErrorGroup group;
  group.set_limit(0);
  EXPECT_FALSE(group.try_go([] {}));
  group.set_limit(-1);
  EXPECT_TRUE(group.try_go([] {}));
  group.wait();
}

// "The limit must not be modified while any goroutines in the group are active."
TEST(ErrorGroup, SettingTheLimitWhileTasksRunPanics) {
  ErrorGroup group;
  Channel<Unit> go_on(0);
  group.go([=] { go_on.receive(); });
  EXPECT_EQ(test::panic_of([&] { group.set_limit(3); }),
            "errgroup: modify limit while tasks in the group are still active");
  go_on.close();
  group.wait();
  group.set_limit(3);
}

TEST(ErrorGroup, MayGoWhileItsTasksRun) {
  Channel<Unit> go_on(0);
  Channel<Unit> ended(1);
  {
    ErrorGroup group(background());
    group.go([=] {
      go_on.receive();
      ended.send({});
      throw std::runtime_error("nobody asks");
    });
  }
  go_on.close();
  EXPECT_TRUE(ended.receive());
  settle();
}

}  // namespace
}  // namespace vigil
