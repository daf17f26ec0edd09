#include "reports/render/html/script_json.hpp"

#include <fmt/format.h>

#include <iterator>

#include "reports/model/utf8.hpp"
#include "reports/render/html/writer.hpp"

namespace vigil::reports::html {
namespace {

// Neither escaped in JSON nor able to matter in HTML.
bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

}  // namespace

ScriptJson& ScriptJson::text(std::string_view value) {
  separate();
  comma_ = true;
  std::string cut;
  if (value.size() > kLongestText) value = cut = shortened(value, kLongestText);
  text_ += '"';
  while (!value.empty()) {
    std::size_t plain = 0;
    while (plain < value.size() && is_plain(value[plain])) ++plain;
    text_ += value.substr(0, plain);
    value.remove_prefix(plain);
    if (value.empty()) break;
    const CodePoint c = next_code_point(value);
    const std::string_view bytes = value.substr(0, c.length);
    value.remove_prefix(c.length);
    if (c.value == U'\n' || c.value == U'\t') {
      text_ += c.value == U'\n' ? "\\n" : "\\t";
    } else if (c.value == 0xFFFD) {
      text_ += "\xEF\xBF\xBD";
    } else if (is_deceptive(c.value)) {
      const std::string shown = show_deceptive(bytes);  // "\x1b": its backslash is one more to escape
      text_ += '\\';
      text_ += shown;
    } else if (c.value < 0x80) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c.value));
    } else {
      text_ += bytes;
    }
  }
  text_ += '"';
  return *this;
}

}  // namespace vigil::reports::html
