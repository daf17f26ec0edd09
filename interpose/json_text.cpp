#include "interpose/json_text.hpp"

#include <array>
#include <charconv>

namespace vigil::shim {
namespace {

// Length of the UTF-8 sequence at the front of bytes; 0 when there is no valid one (overlong forms and surrogates
// are not valid).
std::size_t sequence_length(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const auto continues = [&](std::size_t i) { return i < bytes.size() && (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;
    if (lead == 0xED && at(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;
    if (lead == 0xF4 && at(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

void JsonText::separate() noexcept {
  if (need_comma_) out_.push_back(',');
  need_comma_ = true;
}

JsonText& JsonText::open(char bracket) noexcept {
  separate();
  out_.push_back(bracket);
  need_comma_ = false;
  return *this;
}

JsonText& JsonText::close(char bracket) noexcept {
  out_.push_back(bracket);
  need_comma_ = true;
  return *this;
}

JsonText& JsonText::key(std::string_view name) noexcept {
  separate();
  out_.push_back('"');
  append(name);
  append("\":");
  need_comma_ = false;
  return *this;
}

JsonText& JsonText::plain(std::string_view value) noexcept {
  separate();
  append(value);
  return *this;
}

JsonText& JsonText::text(std::string_view bytes) noexcept {
  separate();
  out_.push_back('"');
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (length == 0) {
      append("\xEF\xBF\xBD");
    } else if (first == '"' || first == '\\') {
      out_.push_back('\\');
      out_.push_back(bytes[0]);
    } else if (first < 0x20 || first == 0x7F) {
      append("\\u00");
      out_.push_back(kHexDigits[first >> 4U]);
      out_.push_back(kHexDigits[first & 0xFU]);
    } else {
      append(bytes.substr(0, length));
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  out_.push_back('"');
  return *this;
}

JsonText& JsonText::signed_number(std::int64_t value) noexcept {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return plain({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

JsonText& JsonText::unsigned_number(std::uint64_t value) noexcept {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return plain({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

JsonText& JsonText::hex(std::uint64_t value) noexcept {
  std::array<char, 24> digits{'"', '0', 'x'};
  char* const end = std::to_chars(digits.data() + 3, digits.data() + digits.size(), value, 16).ptr;
  *end = '"';
  return plain({digits.data(), static_cast<std::size_t>(end + 1 - digits.data())});
}

JsonText& JsonText::hex_digits(std::uint64_t value) noexcept {
  std::array<char, 18> digits{};
  digits.front() = digits.back() = '"';
  for (std::size_t i = 16; i > 0; --i, value >>= 4U) digits[i] = kHexDigits[value & 0xFU];
  return plain({digits.data(), digits.size()});
}

}  // namespace vigil::shim
