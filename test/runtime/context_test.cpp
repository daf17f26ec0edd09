// Contexts, as the documentation of Go's package context says, as far as they exist.
#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

TEST(Context, BackgroundIsNeverDone) {
  const Context context = background();
  EXPECT_TRUE(context.done().is_nil());
  EXPECT_FALSE(context.err());
}

TEST(Context, CancelClosesDoneAndSetsErr) {
  const auto [context, cancel] = with_cancel(background());
  EXPECT_EQ(context.done().try_receive(), std::nullopt);
  EXPECT_FALSE(context.err());
  cancel();
  EXPECT_EQ(vigil::select(on_receive(context.done()), otherwise()), 0U);
  EXPECT_EQ(context.err(), ContextError::Canceled);
  EXPECT_EQ(context.err().message(), "context canceled");
}

TEST(Context, OnlyTheFirstCancelActs) {
  const auto [context, cancel] = with_cancel(background());
  const CancelFunction copy = cancel;
  cancel();
  copy();
  cancel();
  EXPECT_TRUE(context.err());
}

TEST(Context, CancelReachesDescendants) {
  const auto parent = with_cancel(background());
  const auto child = with_cancel(parent.ctx);
  const auto grandchild = with_cancel(child.ctx);
  parent.cancel();
  EXPECT_TRUE(child.ctx.err());
  EXPECT_TRUE(grandchild.ctx.err());
}

TEST(Context, CancelOfAChildLeavesItsParent) {
  const auto parent = with_cancel(background());
  const auto child = with_cancel(parent.ctx);
  child.cancel();
  EXPECT_FALSE(parent.ctx.err());
}

TEST(Context, ChildOfACancelledParentIsBornDone) {
  const auto parent = with_cancel(background());
  parent.cancel();
  EXPECT_TRUE(with_cancel(parent.ctx).ctx.err());
}

TEST(Context, WakesEverybodyWhoWaits) {
  const auto [context, cancel] = with_cancel(background());
  Crew crew;
  std::atomic<int> woken = 0;
  for (int i = 0; i < 6; ++i)
    crew.start(i % 2 == 0 ? On::Task : On::Thread, [&woken, ctx = context] {
      ctx.done().receive();
      if (ctx.err() == ContextError::Canceled) ++woken;
    });
  until_parked(6);
  cancel();
  crew.join();
  EXPECT_EQ(woken, 6);
}

TEST(Context, ChildrenComeAndGoWhileTheParentIsCancelled) {
  for (int round = 0; round < 50; ++round) {
    const auto parent = with_cancel(background());
    Crew crew;
    for (int t = 0; t < 4; ++t)
      crew.start(On::Task, [ctx = parent.ctx] {
        for (int i = 0; i < 50; ++i) {
          const auto child = with_cancel(ctx);
          if (i % 3 == 0) child.cancel();
        }
        ctx.done().receive();
      });
    crew.start(On::Thread, [&] { parent.cancel(); });
  }
}

}  // namespace
}  // namespace vigil::test
