// StopController and SafeReceiver.
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/context.hpp"
#include "vigil/safe_receiver.hpp"
#include "vigil/stop_controller.hpp"

namespace vigil {
namespace {

using test::await_parked;

TEST(StopController, StopsAnyNumberOfTimesFromAnywhere) {
  const StopController stop;
  EXPECT_EQ(select(on_receive(stop.stopped()), otherwise()), 1U);
  WaitGroup all;
  for (int i = 0; i < 8; ++i) {
    all.go([stop] {
      stop.stop();
      EXPECT_EQ(select(on_receive(stop.stopped()), otherwise()), 0U);
    });
  }
  std::thread plain([&] { stop.stop(); });
  plain.join();
  all.wait();
}

TEST(StopController, WakesEverybodyWhoWaits) {
  const StopController stop;
  WaitGroup all;
  for (int i = 0; i < 3; ++i) all.go([stop] { EXPECT_FALSE(stop.stopped().receive()); });
  await_parked(VIGIL_WAIT_RECEIVE, 3);
  stop.stop();
  all.wait();
}

TEST(SafeReceiver, GivesTheItemsAndThenSaysClosed) {
  Channel<int> in(3);
  const StopController stop;
  for (int i = 1; i < 4; ++i) in.send(i);
  in.close();
  SafeReceiver receiver(in, stop);
  int sum = 0;
  for (const int item : receiver) sum += item;
  EXPECT_EQ(sum, 6);
  EXPECT_EQ(receiver.end_reason(), ReceiveEnd::Closed);
  EXPECT_FALSE(receiver.receive());
}

TEST(SafeReceiver, StopWinsOverItemsThatWait) {
  Channel<int> in(3);
  const StopController stop;
  in.send(1);
  in.send(2);
  SafeReceiver receiver(in, stop);
  EXPECT_EQ(receiver.receive(), 1);
  EXPECT_EQ(receiver.end_reason(), ReceiveEnd::None);
  stop.stop();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(receiver.receive());
  EXPECT_EQ(receiver.end_reason(), ReceiveEnd::Stopped);
  EXPECT_EQ(in.size(), 1U);
}

TEST(SafeReceiver, AContextEndsItsWait) {
  Channel<std::unique_ptr<int>> in(0);
  const auto [ctx, cancel] = with_cancel(background());
  ReceiveEnd end = ReceiveEnd::None;
  WaitGroup all;
  all.go([&, ctx = ctx] {
    SafeReceiver receiver(in, ctx);
    EXPECT_TRUE(receiver.receive());
    EXPECT_FALSE(receiver.receive());
    end = receiver.end_reason();
  });
  in.send(std::make_unique<int>(1));
  await_parked(VIGIL_WAIT_SELECT);
  cancel();
  all.wait();
  EXPECT_EQ(end, ReceiveEnd::Stopped);
}

}  // namespace
}  // namespace vigil
