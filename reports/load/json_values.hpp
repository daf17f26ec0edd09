// Members of a JSON object that may be missing or of another type: such a member has its default. Counts are bounded.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace vigil::reports {

using Json = nlohmann::json;

inline constexpr std::size_t kMostElements = 100000;  // of any array in a record

inline const Json& member(const Json& object, const char* name) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto at = object.find(name);
  return at == object.end() ? kNone : *at;
}

inline std::string text_of(const Json& object, const char* name, const char* otherwise = "") {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string(otherwise);
}

inline std::int64_t number_of(const Json& object, const char* name, std::int64_t otherwise = 0) {
  const Json& value = member(object, name);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return otherwise;
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

inline std::uint64_t count_of(const Json& object, const char* name, std::uint64_t otherwise = 0) {
  const Json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : otherwise;
}

inline bool flag_of(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

// Calls visit(element) for the elements of an array, up to most of them.
template <class Visit>
void for_each(const Json& array, Visit&& visit, std::size_t most = kMostElements) {
  if (!array.is_array()) return;
  for (const Json& element : array) {
    if (most-- == 0) return;
    visit(element);
  }
}

}  // namespace vigil::reports
