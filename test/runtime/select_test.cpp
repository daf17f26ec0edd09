// select, as the Go specification, "Select statements", says.
#include <array>
#include <memory>
#include <stdexcept>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

using namespace std::chrono_literals;

class SelectOn : public OnEither {};
INSTANTIATE_TEST_SUITE_P(Waiter, SelectOn, kEither, named);

TEST(Select, TakesTheReadyReceive) {
  const Channel<int> empty(1);
  const Channel<int> ready(1);
  ready.send(3);
  std::optional<int> got;
  EXPECT_EQ(vigil::select(on_receive(empty), on_receive(ready, [&](std::optional<int> item) { got = item; })), 1U);
  EXPECT_EQ(got, 3);
}

TEST(Select, TakesTheReadySend) {
  const Channel<int> full(1);
  full.send(0);
  const Channel<int> room(1);
  bool sent = false;
  EXPECT_EQ(vigil::select(on_send(full, 1), on_send(room, 2, [&] { sent = true; })), 1U);
  EXPECT_TRUE(sent);
  EXPECT_EQ(room.receive(), 2);
  EXPECT_EQ(full.size(), 1U);
}

TEST(Select, ChoosesUniformlyAmongTheReady) {
  constexpr int kRounds = 40'000;
  std::array<Channel<int>, 4> channels;
  for (auto& channel : channels) {
    channel = Channel<int>(kRounds);
    for (int i = 0; i < kRounds; ++i) channel.send(i);
  }
  std::array<int, 4> taken{};
  for (int i = 0; i < kRounds; ++i) {
    ++taken[vigil::select(on_receive(channels[0]), on_receive(channels[1]), on_receive(channels[2]),
                          on_receive(channels[3]))];
  }
  for (const int count : taken) EXPECT_NEAR(count, kRounds / 4.0, 600);  // 7 standard deviations
}

TEST(Select, OtherwiseIsTakenOnlyWhenNothingIsReady) {
  const Channel<int> channel(1);
  EXPECT_EQ(vigil::select(on_receive(channel), otherwise()), 1U);
  channel.send(1);
  EXPECT_EQ(vigil::select(on_receive(channel), otherwise()), 0U);
}

TEST_P(SelectOn, TimesOutOn) {
  std::size_t taken = 9;
  Crew crew;
  crew.start(GetParam(), [&] { taken = vigil::select(on_receive(Channel<int>::make()), on_timeout(1ms)); });
  crew.join();
  EXPECT_EQ(taken, 1U);
  until_no_timer_is_left();
}

TEST(Select, TimeoutOfZeroStillPrefersWhatIsReady) {
  const Channel<int> channel(1);
  EXPECT_EQ(vigil::select(on_receive(channel), on_timeout(0ms)), 1U);
  EXPECT_EQ(vigil::select(on_receive(channel), on_timeout(-1h)), 1U);
  channel.send(1);
  EXPECT_EQ(vigil::select(on_receive(channel), on_timeout(0ms)), 0U);
}

TEST_P(SelectOn, ALongTimeoutGoesAwayWithTheSelect) {
  const Channel<int> channel(0);
  Crew crew;
  crew.start(GetParam(), [&] { EXPECT_EQ(vigil::select(on_receive(channel), on_timeout(1h)), 0U); });
  until_parked(1);
  EXPECT_EQ(counts().timers, 1U);
  channel.send(1);
  crew.join();
  until_no_timer_is_left();
}

TEST_P(SelectOn, WaitsForASender) {
  const Channel<int> a(0);
  const Channel<int> b(0);
  Crew crew;
  std::optional<int> got;
  crew.start(GetParam(), [&] {
    EXPECT_EQ(vigil::select(on_receive(a), on_receive(b, [&](std::optional<int> item) { got = item; })), 1U);
  });
  until_parked(1);
  b.send(6);
  crew.join();
  EXPECT_EQ(got, 6);
  EXPECT_FALSE(a.try_send(1)) << "the select has left the other channel's queue";
}

TEST_P(SelectOn, WaitsForAReceiver) {
  const Channel<std::unique_ptr<int>> a(0);
  const Channel<int> b(0);
  Crew crew;
  crew.start(GetParam(), [&] { EXPECT_EQ(vigil::select(on_send(a, std::make_unique<int>(8)), on_receive(b)), 0U); });
  until_parked(1);
  const auto got = a.receive();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(**got, 8);
}

TEST_P(SelectOn, IsWokenByClose) {
  const Channel<int> channel(0);
  Crew crew;
  bool closed = false;
  crew.start(GetParam(), [&] { vigil::select(on_receive(channel, [&](std::optional<int> item) { closed = !item; })); });
  until_parked(1);
  channel.close();
  crew.join();
  EXPECT_TRUE(closed);
}

TEST_P(SelectOn, ParkedSendPanicsOnClose) {
  const Channel<int> channel(0);
  Crew crew;
  std::string text;
  crew.start(GetParam(),
             [&] { text = panic_of([&] { vigil::select(on_send(channel, 1), on_receive(Channel<int>::make())); }); });
  until_parked(1);
  channel.close();
  crew.join();
  EXPECT_EQ(text, "send on closed channel");
}

TEST(Select, ClosedChannelIsReadyToReceive) {
  const Channel<int> channel(0);
  channel.close();
  bool empty = false;
  EXPECT_EQ(vigil::select(on_receive(channel, [&](std::optional<int> item) { empty = !item; }), otherwise()), 0U);
  EXPECT_TRUE(empty);
}

TEST(Select, SendOnClosedPanics) {
  const Channel<int> channel(1);
  channel.close();
  EXPECT_EQ(panic_of([&] { vigil::select(on_send(channel, 1), otherwise()); }), "send on closed channel");
}

TEST(Select, NilCasesAreNeverTaken) {
  const Channel<int> nil;
  const Channel<int> ready(1);
  for (int i = 0; i < 100; ++i) {
    ready.send(i);
    EXPECT_EQ(vigil::select(on_receive(nil), on_send(nil, 1), on_receive(ready)), 2U);
  }
  EXPECT_EQ(vigil::select(on_receive(nil), otherwise()), 1U);
}

TEST(Select, WithoutReadyCasesForEverBlocks) {
  go([] { vigil::select(); });
  go([] { vigil::select(on_receive(Channel<int>())); });
  until_parked(2);
  for (const Seen& one : actors())
    if (one.state == VIGIL_TASK_PARKED) {
      EXPECT_EQ(one.wait_kind, static_cast<std::uint32_t>(VIGIL_WAIT_EMPTY_SELECT));
    }
}

TEST(Select, MayOfferOneChannelTwice) {
  const Channel<int> channel(0);
  Crew crew;
  int sum = 0;
  crew.start(On::Task, [&] {
    const auto add = [&](std::optional<int> item) { sum += *item; };
    for (int i = 0; i < 100; ++i) vigil::select(on_receive(channel, add), on_receive(channel, add));
  });
  for (int i = 0; i < 100; ++i) channel.send(1);
  crew.join();
  EXPECT_EQ(sum, 100);
}

TEST(Select, MaySendAndReceiveOnOneChannelWithoutMeetingItself) {
  const Channel<int> channel(0);
  Crew crew;
  std::atomic<int> sent = 0;
  std::atomic<int> received = 0;
  for (int t = 0; t < 2; ++t) {
    crew.start(On::Task, [&] {
      for (int i = 0; i < 500; ++i)
        vigil::select(on_send(channel, 1, [&] { ++sent; }), on_receive(channel, [&] { ++received; }));
    });
  }
  // Each step of one is a step of the other, so both end together.
  crew.join();
  EXPECT_EQ(sent, 500);
  EXPECT_EQ(received, 500);
}

TEST(Select, HandlersExceptionLeavesItAfterTheOperation) {
  const Channel<int> channel(1);
  EXPECT_THROW(vigil::select(on_send(channel, 1, [] { throw std::runtime_error("handler"); })), std::runtime_error);
  EXPECT_EQ(channel.size(), 1U);
}

TEST(Select, UnsentValueStaysInTheCase) {
  const Channel<std::unique_ptr<int>> full(0);
  const Channel<std::unique_ptr<int>> room(1);
  auto offer = on_send(full, std::make_unique<int>(1));
  EXPECT_EQ(vigil::select(offer, otherwise()), 1U);
  EXPECT_EQ(vigil::select(offer, on_send(room, nullptr)), 1U);
}

TEST(Select, TakesManyCases) {
  std::vector<Channel<int>> channels;
  channels.reserve(70);
  for (int i = 0; i < 70; ++i) channels.push_back(Channel<int>(1));
  std::vector<detail::SelectCase> cases;
  cases.reserve(channels.size());
  int item = 0;
  for (const auto& channel : channels) cases.push_back({detail::core_of(channel), &item, false});
  for (int i = 0; i < 70; ++i) {
    channels[static_cast<std::size_t>(i)].send(i);
    const detail::SelectOutcome outcome =
        detail::select_channels(cases.data(), cases.size(), false, detail::kNoTimeout);
    EXPECT_EQ(outcome.taken, static_cast<std::size_t>(i));
    EXPECT_EQ(item, i);
  }
}

TEST(Select, ChosenUnderContentionLosesNothing) {
  constexpr int kItems = 3000;
  std::array<Channel<int>, 3> channels;
  for (auto& channel : channels) channel = Channel<int>(0);
  Crew crew;
  for (const auto& channel : channels)
    crew.start(On::Task, [&, channel] {
      for (int i = 0; i < kItems; ++i) channel.send(1);
    });
  std::atomic<long> sum = 0;
  for (int r = 0; r < 3; ++r)
    crew.start(r == 0 ? On::Thread : On::Task, [&] {
      const auto add = [&](std::optional<int> item) { sum += *item; };
      for (int i = 0; i < kItems; ++i)
        vigil::select(on_receive(channels[0], add), on_receive(channels[1], add), on_receive(channels[2], add));
    });
  crew.join();
  EXPECT_EQ(sum, 3L * kItems);
}

TEST(Select, TimeoutsRacingWithSendersLoseNothing) {
  constexpr int kItems = 300;
  const Channel<int> channel(0);
  Crew crew;
  std::atomic<int> delivered = 0;
  std::atomic<int> received = 0;
  crew.start(On::Task, [&] {
    for (int i = 0; i < kItems; ++i) vigil::select(on_send(channel, i, [&] { ++delivered; }), on_timeout(20us));
  });
  crew.start(On::Task, [&] {
    for (int i = 0; i < kItems; ++i) vigil::select(on_receive(channel, [&] { ++received; }), on_timeout(30us));
  });
  crew.join();
  EXPECT_EQ(delivered, received);
}

}  // namespace
}  // namespace vigil::test
