// What the strings of every JSON text share: which characters go through in runs, and how the rare ones are written.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "reports/model/utf8.hpp"

namespace vigil::reports {

// Appends value. Runs of characters that kIsPlain takes stay as they are; of the others each code point with its bytes
// is given to own(code point, bytes) first, and written as JSON wants it when that returns false.
template <bool (*kIsPlain)(char), class Own>
void append_json_string(std::string& out, std::string_view value, Own&& own) {
  while (!value.empty()) {
    std::size_t plain = 0;
    while (plain < value.size() && kIsPlain(value[plain])) ++plain;
    out += value.substr(0, plain);
    value.remove_prefix(plain);
    if (value.empty()) return;
    const CodePoint c = next_code_point(value);
    const std::string_view bytes = value.substr(0, c.length);
    value.remove_prefix(c.length);
    if (c.value == U'\n' || c.value == U'\t') {
      out += c.value == U'\n' ? "\\n" : "\\t";
    } else if (c.value == 0xFFFD) {
      out += "\xEF\xBF\xBD";  // itself, or what was no UTF-8
    } else if (own(c.value, bytes)) {
      continue;
    } else if (c.value < 0x80) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c.value));
    } else {
      out += bytes;
    }
  }
}

}  // namespace vigil::reports
