// Channels, as the Go specification ("Channel types", "Send statements", "Receive operator", "Close", "Length and
// capacity", "For statements with range clause") says.
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

class ChannelOn : public OnEither {};
INSTANTIATE_TEST_SUITE_P(Waiter, ChannelOn, kEither, named);

TEST(Channel, BuffersItemsInOrder) {
  const Channel<int> channel(3);
  for (int i = 0; i < 3; ++i) channel.send(i);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.receive(), i);
}

TEST(Channel, KeepsOrderWhenTheBufferWrapsAround) {
  const Channel<int> channel(3);
  for (int i = 0; i < 100; ++i) {
    channel.send(2 * i);
    channel.send(2 * i + 1);
    EXPECT_EQ(channel.receive(), 2 * i);
    EXPECT_EQ(channel.receive(), 2 * i + 1);
  }
}

TEST(Channel, TellsSizeAndCapacity) {
  const Channel<int> channel(3);
  channel.send(1);
  EXPECT_EQ(channel.size(), 1U);
  EXPECT_EQ(channel.capacity(), 3U);
  EXPECT_EQ(Channel<int>().size(), 0U);
  EXPECT_EQ(Channel<int>().capacity(), 0U);
}

TEST(Channel, CopiesShareTheChannel) {
  const Channel<int> one(1);
  const Channel<int> two = one;  // NOLINT(performance-unnecessary-copy-initialization): what is tested
  one.send(7);
  EXPECT_EQ(two.receive(), 7);
  EXPECT_EQ(one, two);
  EXPECT_NE(one, Channel<int>::make(1));
}

TEST(Channel, DefaultIsNil) {
  EXPECT_TRUE(Channel<int>().is_nil());
  EXPECT_FALSE(Channel<int>());
  EXPECT_TRUE(Channel<int>::make());
}

TEST(Channel, CarriesMoveOnlyItems) {
  const Channel<std::unique_ptr<int>> channel(1);
  channel.send(std::make_unique<int>(5));
  const auto received = channel.receive();
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(**received, 5);
}

TEST(Channel, DestroysWhatNobodyReceived) {
  const auto counted = std::make_shared<int>(0);
  {
    const Channel<std::shared_ptr<int>> channel(4);
    for (int i = 0; i < 4; ++i) channel.send(counted);
    channel.receive();
    channel.send(counted);
    EXPECT_EQ(counted.use_count(), 5);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(Channel, MovesLargeItemsWhole) {
  using Large = std::array<std::uint64_t, 100>;
  const Channel<Large> channel(0);
  Large sent{};
  std::iota(sent.begin(), sent.end(), 1U);
  go([=] { channel.send(sent); });
  EXPECT_EQ(channel.receive(), sent);
}

TEST(Channel, CarriesChannels) {
  const Channel<Channel<int>> channels(1);
  const Channel<int> inner(1);
  channels.send(inner);
  channels.receive()->send(3);
  EXPECT_EQ(inner.receive(), 3);
}

TEST(Channel, OfHugeCapacityPanics) {
  EXPECT_EQ(panic_of([] { const Channel<std::uint64_t> channel(SIZE_MAX / 4); }), "makechan: size out of range");
}

TEST_P(ChannelOn, SendWaitsForAReceiver) {
  const Channel<int> channel(0);
  bool sent = false;
  Crew crew;
  crew.start(GetParam(), [&] {
    channel.send(1);
    sent = true;
  });
  until_parked(1);
  EXPECT_FALSE(sent);
  EXPECT_EQ(channel.receive(), 1);
  crew.join();
  EXPECT_TRUE(sent);
}

TEST_P(ChannelOn, ReceiveWaitsForASender) {
  const Channel<int> channel(0);
  Crew crew;
  std::optional<int> got;
  crew.start(GetParam(), [&] { got = channel.receive(); });
  until_parked(1);
  channel.send(2);
  crew.join();
  EXPECT_EQ(got, 2);
}

TEST_P(ChannelOn, SendWaitsWhileTheBufferIsFull) {
  const Channel<int> channel(2);
  Crew crew;
  crew.start(GetParam(), [&] {
    for (int i = 0; i < 3; ++i) channel.send(i);
  });
  until_parked(1);
  EXPECT_EQ(channel.size(), 2U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(channel.receive(), i);
}

TEST_P(ChannelOn, ParkedSendersAreServedFirstInFirstOut) {
  const Channel<int> channel(0);
  Crew crew;
  for (int i = 0; i < 5; ++i) {
    crew.start(GetParam(), [&, i] { channel.send(i); });
    until_parked(static_cast<std::size_t>(i) + 1);
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(channel.receive(), i);
}

TEST_P(ChannelOn, ParkedReceiversAreServedFirstInFirstOut) {
  const Channel<int> channel(0);
  std::vector<std::optional<int>> got(5);
  Crew crew;
  for (std::size_t i = 0; i < 5; ++i) {
    crew.start(GetParam(), [&, i] { got[i] = channel.receive(); });
    until_parked(i + 1);
  }
  for (int i = 0; i < 5; ++i) channel.send(i);
  crew.join();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(got[i], static_cast<int>(i));
}

TEST_P(ChannelOn, ReceivingFromAFullBufferLetsAParkedSenderIn) {
  const Channel<int> channel(1);
  channel.send(0);
  Crew crew;
  crew.start(GetParam(), [&] { channel.send(1); });
  until_parked(1);
  EXPECT_EQ(channel.receive(), 0);
  crew.join();
  EXPECT_EQ(channel.size(), 1U);
  EXPECT_EQ(channel.receive(), 1);
}

TEST_P(ChannelOn, CloseWakesParkedReceivers) {
  const Channel<int> channel(0);
  Crew crew;
  std::vector<int> told(3, 0);
  for (auto& each : told) crew.start(GetParam(), [&] { each = channel.receive() ? 1 : 2; });
  until_parked(3);
  channel.close();
  crew.join();
  EXPECT_EQ(told, std::vector<int>(3, 2));
}

TEST_P(ChannelOn, CloseMakesParkedSendersPanic) {
  const Channel<std::unique_ptr<int>> channel(0);
  Crew crew;
  std::string text;
  crew.start(GetParam(), [&] { text = panic_of([&] { channel.send(std::make_unique<int>(1)); }); });
  until_parked(1);
  channel.close();
  crew.join();
  EXPECT_EQ(text, "send on closed channel");
}

TEST_P(ChannelOn, CloseWakesMoreThanOnePortion) {
  constexpr std::size_t kMany = 40;
  const Channel<int> channel(0);
  Crew crew;
  const std::size_t waiting = GetParam() == On::Task ? 10 * kMany : kMany;
  std::atomic<std::size_t> told = 0;
  for (std::size_t i = 0; i < waiting; ++i) crew.start(GetParam(), [&] { told += channel.receive() ? 0 : 1; });
  until_parked(waiting);
  channel.close();
  crew.join();
  EXPECT_EQ(told, waiting);
}

TEST(Channel, ClosedGivesItsItemsFirst) {
  const Channel<int> channel(2);
  channel.send(1);
  channel.send(2);
  channel.close();
  EXPECT_EQ(channel.receive(), 1);
  EXPECT_EQ(channel.receive(), 2);
  EXPECT_EQ(channel.receive(), std::nullopt);
  EXPECT_EQ(channel.receive(), std::nullopt);
}

TEST(Channel, ReceiveOrZeroGivesZeroWhenClosed) {
  const Channel<int> channel(1);
  channel.send(5);
  channel.close();
  EXPECT_EQ(channel.receive_or_zero(), 5);
  EXPECT_EQ(channel.receive_or_zero(), 0);
}

TEST(Channel, RangeEndsWhenClosedAndDrained) {
  const Channel<int> channel(10);
  for (int i = 0; i < 10; ++i) channel.send(i);
  channel.close();
  int sum = 0;
  for (const int item : channel) sum += item;
  EXPECT_EQ(sum, 45);
}

TEST(Channel, RangeCarriesMoveOnlyItems) {
  const Channel<std::unique_ptr<int>> channel(2);
  channel.send(std::make_unique<int>(1));
  channel.send(std::make_unique<int>(2));
  channel.close();
  int sum = 0;
  for (auto& item : channel) sum += *item;
  EXPECT_EQ(sum, 3);
}

TEST(Channel, SendOnClosedPanics) {
  const Channel<int> channel(1);
  channel.close();
  EXPECT_EQ(panic_of([&] { channel.send(1); }), "send on closed channel");
}

TEST(Channel, TrySendOnClosedPanics) {
  const Channel<int> channel(1);
  channel.close();
  EXPECT_EQ(panic_of([&] { static_cast<void>(channel.try_send(1)); }), "send on closed channel");
}

TEST(Channel, CloseOfClosedPanics) {
  const Channel<int> channel(1);
  channel.close();
  EXPECT_EQ(panic_of([&] { channel.close(); }), "close of closed channel");
}

TEST(Channel, CloseOfNilPanics) {
  EXPECT_EQ(panic_of([] { Channel<int>().close(); }), "close of nil channel");
}

TEST(Channel, TrySendFailsWhenFullAndKeepsTheItem) {
  const Channel<std::unique_ptr<int>> channel(1);
  ASSERT_TRUE(channel.try_send(std::make_unique<int>(1)));
  auto kept = std::make_unique<int>(2);
  EXPECT_FALSE(channel.try_send(std::move(kept)));
  ASSERT_NE(kept, nullptr);  // NOLINT(bugprone-use-after-move): a send that failed has not moved
  EXPECT_EQ(*kept, 2);       // NOLINT(bugprone-use-after-move): as above
}

TEST(Channel, TrySendWithoutReceiverFailsOnARendezvous) { EXPECT_FALSE(Channel<int>::make().try_send(1)); }

TEST_P(ChannelOn, TrySendReachesAParkedReceiver) {
  const Channel<int> channel(0);
  Crew crew;
  std::optional<int> got;
  crew.start(GetParam(), [&] { got = channel.receive(); });
  until_parked(1);
  EXPECT_TRUE(channel.try_send(4));
  crew.join();
  EXPECT_EQ(got, 4);
}

TEST_P(ChannelOn, TryReceiveReachesAParkedSender) {
  const Channel<int> channel(0);
  Crew crew;
  crew.start(GetParam(), [&] { channel.send(4); });
  until_parked(1);
  EXPECT_EQ(channel.try_receive(), 4);
}

TEST(Channel, TryReceiveFindsNothing) { EXPECT_EQ(Channel<int>::make(1).try_receive(), std::nullopt); }

TEST(Channel, NilIsNeverReady) {
  EXPECT_FALSE(Channel<int>().try_send(1));
  EXPECT_EQ(Channel<int>().try_receive(), std::nullopt);
}

TEST(Channel, NilBlocksForEver) {
  go([] { Channel<int>().send(1); });
  go([] { Channel<int>().receive(); });
  until_parked(2);
  std::vector<std::uint32_t> kinds;
  for (const Seen& one : actors())
    if (one.state == VIGIL_TASK_PARKED) kinds.push_back(one.wait_kind);
  EXPECT_EQ(kinds, (std::vector<std::uint32_t>{VIGIL_WAIT_NIL_SEND, VIGIL_WAIT_NIL_RECEIVE}));
}

TEST(Channel, DirectionsAreViewsOfTheSameChannel) {
  const Channel<int> channel(1);
  const SendChannel<int> in = channel;
  const ReceiveChannel<int> out = channel;
  in.send(9);
  EXPECT_EQ(out.size(), 1U);
  EXPECT_EQ(out.receive(), 9);
  in.close();
  EXPECT_EQ(out.receive(), std::nullopt);
}

template <class T>
concept CanClose = requires(const T& channel) {
  channel.close();
};
template <class T>
concept CanSend = requires(const T& channel) {
  channel.send(typename T::value_type{});
};
template <class T>
concept CanReceive = requires(const T& channel) {
  channel.receive();
};
static_assert(CanClose<SendChannel<int>> && CanSend<SendChannel<int>> && !CanReceive<SendChannel<int>>);
static_assert(!CanClose<ReceiveChannel<int>> && !CanSend<ReceiveChannel<int>> && CanReceive<ReceiveChannel<int>>);
static_assert(!std::is_convertible_v<ReceiveChannel<int>, Channel<int>>);

TEST(Channel, OutlivesItsLastHandleWhileATaskWaitsThroughIt) {
  auto* const handle = new Channel<int>(0);
  go([handle] { handle->receive(); });
  until_parked(1);
  delete handle;  // a defect of the program, but the waiting stays defined
  EXPECT_EQ(parked_actors(), 1U);
}

// One test body for many mixtures: every item sent is received once, whatever the capacity and wherever the actors run.
struct Mixture {
  std::size_t capacity;
  On senders, receivers;
};
class ChannelMixture : public testing::TestWithParam<Mixture> {};
INSTANTIATE_TEST_SUITE_P(Of, ChannelMixture,
                         testing::Values(Mixture{0, On::Task, On::Task}, Mixture{0, On::Task, On::Thread},
                                         Mixture{0, On::Thread, On::Task}, Mixture{0, On::Thread, On::Thread},
                                         Mixture{1, On::Task, On::Task}, Mixture{1, On::Thread, On::Task},
                                         Mixture{7, On::Task, On::Thread}, Mixture{7, On::Task, On::Task}));

TEST_P(ChannelMixture, DeliversEveryItemOnce) {
  constexpr int kActors = 4;
  constexpr int kItems = 2000;
  const Channel<int> channel(GetParam().capacity);
  std::atomic<long> sum = 0;
  std::atomic<int> received = 0;
  Crew receivers;
  for (int r = 0; r < kActors; ++r)
    receivers.start(GetParam().receivers, [&] {
      for (const int item : channel) {
        sum += item;
        ++received;
      }
    });
  {
    Crew senders;
    for (int s = 0; s < kActors; ++s)
      senders.start(GetParam().senders, [&, s] {
        for (int i = 0; i < kItems; ++i) channel.send(s * kItems + i);
      });
  }
  channel.close();
  receivers.join();
  constexpr long kAll = static_cast<long>(kActors) * kItems;
  EXPECT_EQ(received, kAll);
  EXPECT_EQ(sum, kAll * (kAll - 1) / 2);
}

}  // namespace
}  // namespace vigil::test
