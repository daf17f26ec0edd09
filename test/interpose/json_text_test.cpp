#include "interpose/json_text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace vigil::shim {
namespace {

std::string quoted(std::string_view bytes) {
  JsonText json;
  json.text(bytes);
  return std::string(json.view());
}

TEST(JsonText, PlacesCommasItself) {
  JsonText json;
  json.object().key("a").number(1).key("b").array().text("x").truth(false).null().array().end_array().end_array();
  json.key("c").object().end_object().key("d").number(std::int64_t{-5}).end_object();
  EXPECT_EQ(json.view(), R"({"a":1,"b":["x",false,null,[]],"c":{},"d":-5})");
}

TEST(JsonText, NumbersKeepTheirWholeRange) {
  JsonText json;
  json.array().number(std::numeric_limits<std::uint64_t>::max()).number(std::numeric_limits<std::int64_t>::min());
  json.hex(0).hex(std::numeric_limits<std::uint64_t>::max()).hex_digits(0xabc).end_array();
  EXPECT_EQ(json.view(),
            R"([18446744073709551615,-9223372036854775808,"0x0","0xffffffffffffffff","0000000000000abc"])");
}

TEST(JsonText, EscapesWhatJsonMust) {
  EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quoted("\n\t\x01\x7f"), R"("\u000a\u0009\u0001\u007f")");
  EXPECT_EQ(quoted(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(JsonText, KeepsGoodUtf8) {
  for (const std::string_view good : {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x92\xA9", "\xEE\x80\x80"}) {
    EXPECT_EQ(quoted(good), "\"" + std::string(good) + "\"");
  }
}

TEST(JsonText, ReplacesBadUtf8ByteByByte) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(quoted("\xFF"), "\"" + bad + "\"");
  EXPECT_EQ(quoted("\xC3"), "\"" + bad + "\"");                                // cut short
  EXPECT_EQ(quoted("\xC0\xAF"), "\"" + bad + bad + "\"");                      // overlong
  EXPECT_EQ(quoted("\xED\xA0\x80"), "\"" + bad + bad + bad + "\"");            // a surrogate
  EXPECT_EQ(quoted("\xF4\x90\x80\x80"), "\"" + bad + bad + bad + bad + "\"");  // above U+10FFFF
  EXPECT_EQ(quoted("a\x80z"), "\"a" + bad + "z\"");
}

}  // namespace
}  // namespace vigil::shim
