#include "reports/render/html/script_json.hpp"

#include "reports/render/escape_json.hpp"
#include "reports/render/html/writer.hpp"

namespace vigil::reports::html {
namespace {

// Neither escaped in JSON nor able to matter in HTML.
constexpr bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

}  // namespace

void ScriptEscape::append(std::string& out, std::string_view value) {
  std::string cut;
  if (value.size() > kLongestText) value = cut = shortened(value, kLongestText);
  append_json_string<is_plain>(out, value, [&](char32_t c, std::string_view bytes) {
    if (!is_deceptive(c)) return false;
    out += '\\';  // "\x1b": its backslash is one more to escape
    out += show_deceptive(bytes);
    return true;
  });
}

}  // namespace vigil::reports::html
