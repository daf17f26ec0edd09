#include "reports/render/json_text.hpp"

#include "reports/render/escape_json.hpp"

namespace vigil::reports {
namespace {

constexpr bool needs_no_escape(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

void PlainEscape::append(std::string& out, std::string_view value) {
  append_json_string<needs_no_escape>(out, value, [&](char32_t c, std::string_view bytes) {
    if (c != U'"' && c != U'\\') return false;
    out += '\\';
    out += bytes;
    return true;
  });
}

}  // namespace vigil::reports
