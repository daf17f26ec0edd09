// Traced<T> behaves as a T.
#include <memory>
#include <string>

#include "test/runtime/support.hpp"

namespace vigil::test {
namespace {

TEST(Traced, StartsAtZero) {
  const Traced<int> value;
  EXPECT_EQ(value.load(), 0);
}

TEST(Traced, ComputesAsItsType) {
  Traced<int> value = 5;
  value += 3;
  value -= 1;
  value *= 4;
  value /= 2;
  EXPECT_EQ(value, 14);
  EXPECT_EQ(value++, 14);
  EXPECT_EQ(++value, 16);
  EXPECT_EQ(value--, 16);
  EXPECT_EQ(--value, 14);
  value |= 1;
  value &= 0xd;
  value ^= 2;
  EXPECT_EQ(value.load(), (((14 | 1) & 0xd) ^ 2));
}

TEST(Traced, TakesAnyType) {
  Traced<std::string> text = std::string("a");
  text += "b";
  EXPECT_EQ(text.load(), "ab");
  text = "c";
  EXPECT_EQ(text.load(), "c");
  Traced<bool> flag = false;
  flag = true;
  EXPECT_TRUE(flag);
  Traced<std::unique_ptr<int>> owner;
  owner.store(std::make_unique<int>(1));
}

static_assert(!std::is_copy_constructible_v<Traced<int>>);
static_assert(sizeof(Traced<int>) == sizeof(int));

}  // namespace
}  // namespace vigil::test
