#include "reports/model/options.hpp"

namespace vigil::reports {
namespace {

bool is_separator(char c) noexcept { return c == ':' || c == ' '; }

}  // namespace

OptionMap parse_options(std::string_view text) {
  OptionMap options;
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_separator(text[at])) {
      ++at;
      continue;
    }
    const std::size_t equals = text.find_first_of("=:", at);
    if (equals == std::string_view::npos) break;
    if (text[equals] != '=') {
      at = equals;
      continue;
    }
    const std::string name(text.substr(at, equals - at));
    at = equals + 1;
    std::string value;
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      const std::size_t close = text.find(text[at], at + 1);
      value = text.substr(at + 1, close == std::string_view::npos ? close : close - at - 1);
      at = close == std::string_view::npos ? text.size() : close + 1;
    } else {
      value = text.substr(at, text.find(':', at) - at);
      at += value.size();
    }
    options[name] = value;
  }
  return options;
}

std::string format_options(const OptionMap& options) {
  std::string text;
  for (const auto& [name, value] : options) {
    if (!text.empty()) text += ':';
    text += name;
    text += '=';
    if (value.find(':') == std::string::npos && !value.starts_with('"') && !value.starts_with('\'')) {
      text += value;
    } else {
      const char quote = value.find('"') == std::string::npos ? '"' : '\'';
      text += quote;
      text += value;
      text += quote;
    }
  }
  return text;
}

bool option_on(const OptionMap& options, std::string_view name, bool otherwise) {
  const auto at = options.find(name);
  if (at == options.end()) return otherwise;
  const std::string& value = at->second;
  if (value == "1" || value == "true" || value == "yes" || value == "on") return true;
  if (value == "0" || value == "false" || value == "no" || value == "off") return false;
  return otherwise;
}

std::string option_text(const OptionMap& options, std::string_view name, std::string_view otherwise) {
  const auto at = options.find(name);
  return at == options.end() ? std::string(otherwise) : at->second;
}

}  // namespace vigil::reports
