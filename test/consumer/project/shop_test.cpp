// A GoogleTest program that leaks in one of its tests.
#include <gtest/gtest.h>

#include <vigil/gtest.hpp>
#include <vigil/vigil.hpp>

TEST(Shop, Opens) {
  const vigil::Channel<int> orders(1);
  orders.send(1);
  EXPECT_EQ(orders.receive(), 1);
}

TEST(Shop, ForgetsACustomer) {
  const vigil::Channel<int> answer;
  vigil::go([answer] { answer.send(1); });
}

TEST(Shop, DISABLED_Burns) { FAIL(); }

class Goods : public testing::TestWithParam<const char*> {};
TEST_P(Goods, AreSold) { EXPECT_STRNE(GetParam(), ""); }
INSTANTIATE_TEST_SUITE_P(Cheap, Goods, testing::Values("tea; [green]", "a # sign"));
