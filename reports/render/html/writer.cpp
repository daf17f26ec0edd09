#include "reports/render/html/writer.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "reports/model/utf8.hpp"
#include "reports/render/base64.hpp"
#include "reports/render/html/script_json.hpp"

namespace vigil::reports::html {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = next_code_point(text);
    switch (c.value) {
      case U'&':
        out += "&amp;";
        break;
      case U'<':
        out += "&lt;";
        break;
      case U'>':
        out += "&gt;";
        break;
      case U'"':
        out += "&quot;";
        break;
      case U'\'':
        out += "&#39;";
        break;
      case U'\n':
      case U'\t':
        out += static_cast<char>(c.value);
        break;
      default:
        if (c.value == 0xFFFD) {
          out += "\xEF\xBF\xBD";
        } else if (is_deceptive(c.value)) {
          out += show_deceptive(text.substr(0, c.length));
        } else {
          out += text.substr(0, c.length);
        }
    }
    text.remove_prefix(c.length);
  }
}

}  // namespace

HtmlWriter& HtmlWriter::operator<<(Text text) {
  if (text.value.size() > kLongestText) {
    append_escaped(out_, shortened(text.value, kLongestText));
  } else {
    append_escaped(out_, text.value);
  }
  return *this;
}

HtmlWriter& HtmlWriter::operator<<(Prose prose) {
  std::string kept;
  if (prose.value.size() > kLongestText) {
    kept = shortened(prose.value, kLongestText);
    if (std::count(kept.begin(), kept.end(), '`') % 2 != 0) kept += '`';  // its end was cut off
  }
  std::string_view rest = kept.empty() ? prose.value : std::string_view(kept);
  while (true) {
    const std::size_t open = rest.find('`');
    const std::size_t close = open == std::string_view::npos ? open : rest.find('`', open + 1);
    if (close == std::string_view::npos) break;
    append_escaped(out_, rest.substr(0, open));
    out_ += "<code>";
    append_escaped(out_, rest.substr(open + 1, close - open - 1));
    out_ += "</code>";
    rest.remove_prefix(close + 1);
  }
  append_escaped(out_, rest);
  return *this;
}

HtmlWriter& HtmlWriter::operator<<(const ScriptJson& json) {
  out_ += json.text();
  return *this;
}

HtmlWriter& HtmlWriter::operator<<(Base64 bytes) {
  out_ += base64(bytes.bytes);
  return *this;
}

HtmlWriter& HtmlWriter::coordinate(double value) {
  out_ += fmt::format("{:.1f}", value);
  return *this;
}

}  // namespace vigil::reports::html
