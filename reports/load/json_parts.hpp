// JsonParts: a JSON object read from a file member by member, so that a long list in it never lies in memory whole.
// Of each member that is named in lists, the elements are handed over one by one; every other member as one value.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "reports/load/json_values.hpp"

namespace vigil::reports {

struct JsonVisitor {
  std::span<const std::string_view> lists;
  std::function<void(const std::string& name, Json&& value)> on_member;
  std::function<void(const std::string& name, Json&& element)> on_element;  // none: they are looked at and not kept
};

// False when the text is no JSON object; what was handed over before is then worth nothing.
bool read_json_parts(int fd, const JsonVisitor& visitor);  // from the file's offset on
bool read_json_parts(std::string_view text, const JsonVisitor& visitor);

}  // namespace vigil::reports
