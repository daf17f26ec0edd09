// UTF-8: making any bytes valid, walking code points, and knowing those that must not reach a reader as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigil::reports {

// Bytes that are not UTF-8 (nor overlong, nor surrogates) become U+FFFD, one for each maximal ill-formed part.
std::string to_valid_utf8(std::string_view bytes);

struct CodePoint {
  char32_t value;
  std::size_t length;  // bytes, 1 to 4
};
// The code point at the start of text, which is not empty. Ill-formed: U+FFFD with the length to skip.
CodePoint next_code_point(std::string_view text) noexcept;

// Controls, and what turns text around or hides it (bidirectional marks, zero-width characters, line separators):
// a name that holds one could show something other than what it is.
bool is_deceptive(char32_t c) noexcept;

// text when it is no longer than most bytes; else its beginning and how long it was.
std::string shortened(std::string_view text, std::size_t most);

// "\x1b" as \x1b, U+202E as \u{202e}; everything else as it is. keep_newlines for multi-line messages.
std::string show_deceptive(std::string_view text, bool keep_newlines = false);

}  // namespace vigil::reports
