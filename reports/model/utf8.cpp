#include "reports/model/utf8.hpp"

#include <fmt/core.h>

namespace vigil::reports {

CodePoint next_code_point(std::string_view text) noexcept {
  constexpr CodePoint kBad{0xFFFD, 1};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {static_cast<char32_t>(first), 1};
  std::size_t length = 0;
  unsigned low = 0x80;  // what the second byte may be: narrower for E0, ED, F0, F4 (overlong, surrogate, too big)
  unsigned high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return kBad;
  }
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {0xFFFD, i};
    const unsigned next = byte(i);
    if (next < (i == 1 ? low : 0x80U) || next > (i == 1 ? high : 0xBFU)) return {0xFFFD, i};
    value = (value << 6U) | (next & 0x3FU);
  }
  return {value, length};
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const CodePoint c = next_code_point(bytes);
    const bool replaced = c.value == 0xFFFD && bytes.substr(0, c.length) != "\xEF\xBF\xBD";
    text.append(replaced ? std::string_view("\xEF\xBF\xBD") : bytes.substr(0, c.length));
    bytes.remove_prefix(c.length);
  }
  return text;
}

bool is_deceptive(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x115F || c == 0x1160 ||
         (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF || c == 0xFFA0 ||
         (c >= 0xFFF0 && c <= 0xFFFB) || (c >= 0xFFFE && c <= 0xFFFF) || (c >= 0xE0000 && c <= 0xE0FFF);
}

std::string show_deceptive(std::string_view text, bool keep_newlines) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = next_code_point(text);
    if (c.value == U'\t' || (c.value == U'\n' && keep_newlines)) {
      shown += static_cast<char>(c.value);
    } else if (!is_deceptive(c.value)) {
      shown += c.value == 0xFFFD ? std::string_view("\xEF\xBF\xBD") : text.substr(0, c.length);
    } else if (c.value < 0x100) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned>(c.value));
    } else {
      shown += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c.value));
    }
    text.remove_prefix(c.length);
  }
  return shown;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  return fmt::format("{}\u2026 ({} bytes in all)", text.substr(0, end), text.size());
}

}  // namespace vigil::reports
