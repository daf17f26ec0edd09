// A GoogleTest program whose reports lie in a folder of their own.
#include <gtest/gtest.h>

#include <vigil/vigil.hpp>

TEST(Stall, Closes) {
  const vigil::Channel<int> orders(1);
  orders.close();
  EXPECT_FALSE(orders.receive().has_value());
}
