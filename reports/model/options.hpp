// The options of a run, "name=value:name=value", as far as reports care. A value with ':' stands in quotes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vigil::reports {

using OptionMap = std::map<std::string, std::string, std::less<>>;

// What cannot be read is left out: the shim has told its user.
OptionMap parse_options(std::string_view text);
std::string format_options(const OptionMap& options);

bool option_on(const OptionMap& options, std::string_view name, bool otherwise);
std::string option_text(const OptionMap& options, std::string_view name, std::string_view otherwise);

}  // namespace vigil::reports
