#include "reports/model/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vigil::reports {
namespace {

TEST(Utf8, ValidTextStays) { EXPECT_EQ(to_valid_utf8("größe \u2192 \U0001F600"), "größe \u2192 \U0001F600"); }

TEST(Utf8, IllFormedPartsBecomeOneReplacementEach) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(to_valid_utf8("\xE2\x82"), bad);                            // cut off
  EXPECT_EQ(to_valid_utf8("\xC0\xAF"), bad + bad);                      // overlong
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), bad + bad + bad);            // a surrogate
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);  // beyond U+10FFFF
}

TEST(Utf8, EveryPairOfBytesBecomesValid) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string bytes{static_cast<char>(a), static_cast<char>(b)};
      const std::string text = to_valid_utf8(bytes);
      ASSERT_EQ(to_valid_utf8(text), text) << a << " " << b;
    }
  }
}

TEST(Utf8, DeceptiveCharactersAreShownAsEscapes) {
  EXPECT_EQ(show_deceptive("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(show_deceptive("a\u202Eb"), "a\\u{202e}b");  // NOLINT(misc-misleading-bidirectional)
  EXPECT_EQ(show_deceptive("a\u200Bb"), "a\\u{200b}b");
  EXPECT_EQ(show_deceptive("a\nb"), "a\\x0ab");
  EXPECT_EQ(show_deceptive("a\nb\tc", true), "a\nb\tc");
  EXPECT_EQ(show_deceptive("plain größe"), "plain größe");
}

}  // namespace
}  // namespace vigil::reports
