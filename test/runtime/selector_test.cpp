// Selector: select with cases made at run time, used again and again.
#include "vigil/selector.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "test/runtime/support.hpp"
#include "test/runtime/world.hpp"
#include "vigil/wait_group.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using test::await_parked;

TEST(Selector, TakesTheCaseThatCanProceed) {
  std::vector<Channel<int>> channels;
  Selector selector;
  int seen = 0;
  for (int i = 0; i < 100; ++i) {
    channels.emplace_back(1);
    selector.add_receive(channels.back(), [&](std::optional<int> item) { seen = item.value_or(-1); });
  }
  channels[63].send(7);
  EXPECT_EQ(selector.select(), 63U);
  EXPECT_EQ(seen, 7);
  channels[5].close();
  EXPECT_EQ(selector.select(), 5U);
  EXPECT_EQ(seen, -1);
}

TEST(Selector, ParksUntilACaseCanProceed) {
  Channel<int> in(0);
  Channel<std::string> out(0);
  WaitGroup all;
  all.go([&] {
    Selector selector;
    selector.add_receive(in).add_send(out, "hello");
    EXPECT_EQ(selector.select(), 1U);
    EXPECT_EQ(selector.select(), 0U);
  });
  await_parked(VIGIL_WAIT_SELECT);
  EXPECT_EQ(out.receive(), "hello");
  in.send(1);
  all.wait();
}

TEST(Selector, SendsACopyEachTime) {
  Channel<std::string> out(3);
  Selector selector;
  selector.add_send(out, "again and again and again");
  for (int i = 0; i < 3; ++i) selector.select();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(out.receive(), "again and again and again");
}

TEST(Selector, SendsWhatCannotBeCopiedOnce) {
  Channel<std::unique_ptr<int>> out(3);
  Selector selector;
  selector.add_send(out, std::make_unique<int>(7)).add_otherwise();
  EXPECT_EQ(selector.select(), 0U);
  EXPECT_EQ(selector.select(), 1U);
  EXPECT_EQ(*out.receive_or_zero(), 7);
}

TEST(Selector, ReceivesWhatCannotBeCopied) {
  Channel<std::unique_ptr<int>> in(1);
  int seen = 0;
  Selector selector;
  selector.add_receive(in, [&](std::optional<std::unique_ptr<int>> item) { seen = **item; });
  for (int i = 1; i < 4; ++i) {
    in.send(std::make_unique<int>(i));
    selector.select();
    EXPECT_EQ(seen, i);
  }
}

TEST(Selector, TakesTheShortestTimeoutWhenNothingProceeds) {
  Selector selector;
  bool over = false;
  selector.add_timeout(1h).add_timeout(1ms, [&] { over = true; }).add_receive(Channel<int>());
  EXPECT_EQ(selector.select(), 1U);
  EXPECT_TRUE(over);
}

TEST(Selector, TakesOtherwiseAtOnce) {
  Selector selector;
  Channel<int> in(0);
  selector.add_receive(in).add_otherwise();
  EXPECT_EQ(selector.select(), 1U);
  selector.clear();
  EXPECT_EQ(selector.size(), 0U);
}

TEST(Selector, ASecondOtherwisePanics) {
  Selector selector;
  selector.add_otherwise();
  EXPECT_EQ(test::panic_of([&] { selector.add_otherwise(); }), "multiple defaults in select");
}

TEST(Selector, AChosenSendOnAClosedChannelPanics) {
  Channel<int> out(1);
  out.close();
  Selector selector;
  selector.add_send(out, 1);
  EXPECT_EQ(test::panic_of([&] { selector.select(); }), "send on closed channel");
}

TEST(Selector, WithoutCasesParksForEver) {
  go([] { Selector().select(); });
  await_parked(VIGIL_WAIT_EMPTY_SELECT);
}

}  // namespace
}  // namespace vigil
