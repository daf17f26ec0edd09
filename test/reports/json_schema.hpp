// As much of JSON Schema as docs/report.schema.json uses: type, enum, const, required, properties,
// additionalProperties, items, minimum, pattern, $ref to $defs.
#pragma once

#include <fmt/core.h>
#include <regex.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace vigil::reports::test {

using Json = nlohmann::json;

// POSIX: g++ 12 warns of its own std::regex under the address sanitizer.
inline bool looks_like(const std::string& text, const std::string& pattern) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    throw std::runtime_error("bad pattern " + pattern);
  const bool fits = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return fits;
}

inline bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  throw std::runtime_error("the schema has a type this validator does not know: " + type);
}

// "" when value follows the schema, else where and why not.
inline std::string schema_problem(const Json& root, const Json& value, const Json& schema, const std::string& where) {
  if (schema.contains("$ref")) {
    const auto reference = schema["$ref"].get<std::string>();
    return schema_problem(root, value, root.at(Json::json_pointer(reference.substr(1))), where);
  }
  for (const auto& [key, unused] : schema.items()) {
    static const std::vector<std::string> known{
        "$schema", "$id",    "$defs",    "title",      "description",          "type",
        "enum",    "const",  "required", "properties", "additionalProperties", "items",
        "minimum", "pattern"};
    if (std::find(known.begin(), known.end(), key) == known.end()) throw std::runtime_error("the schema uses " + key);
  }
  if (schema.contains("type")) {
    const Json& type = schema["type"];
    bool fits = false;
    if (type.is_string()) {
      fits = has_type(value, type);
    } else {
      for (const Json& one : type) fits = fits || has_type(value, one);
    }
    if (!fits) return fmt::format("{}: is not of type {}", where, type.dump());
  }
  if (schema.contains("const") && value != schema["const"])
    return fmt::format("{}: is not {}", where, schema["const"].dump());
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    return fmt::format("{}: {} is not among {}", where, value.dump(), schema["enum"].dump());
  }
  if (schema.contains("minimum") && value.is_number() && value.get<double>() < schema["minimum"].get<double>())
    return fmt::format("{}: is too small", where);
  if (schema.contains("pattern") && value.is_string() &&
      !looks_like(value.get<std::string>(), schema["pattern"].get<std::string>())) {
    return fmt::format("{}: {} does not look right", where, value.dump());
  }
  if (value.is_object()) {
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name)) return fmt::format("{}: lacks {}", where, name.dump());
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, element] : value.items()) {
      const Json rule = properties.contains(name) ? properties[name] : schema.value("additionalProperties", Json());
      if (rule.is_boolean() && !rule.get<bool>()) return fmt::format("{}: has {} too much", where, name);
      if (!rule.is_object()) continue;
      std::string problem = schema_problem(root, element, rule, fmt::format("{}.{}", where, name));
      if (!problem.empty()) return problem;
    }
  }
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string problem = schema_problem(root, value[i], schema["items"], fmt::format("{}[{}]", where, i));
      if (!problem.empty()) return problem;
    }
  }
  return {};
}
inline std::string schema_problem(const Json& schema, const Json& value) {
  return schema_problem(schema, value, schema, "report");
}

}  // namespace vigil::reports::test
