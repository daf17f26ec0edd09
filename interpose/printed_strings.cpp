#include "interpose/printed_strings.hpp"

#include <cstdint>
#include <cstring>
#include <cwchar>

namespace vigil::shim {
namespace {

enum class Length : std::uint8_t { Int, Long, LongDouble };

bool is_one_of(char letter, const char* set) noexcept { return letter != '\0' && std::strchr(set, letter) != nullptr; }

// A width or a precision: of the format, or the next argument. Negative: none.
int number(const char*& at, va_list given) noexcept {
  if (*at == '*') {
    ++at;
    return va_arg(given, int);
  }
  constexpr int kMost = 1 << 24;
  int value = 0;
  for (; *at >= '0' && *at <= '9'; ++at) value = value < kMost ? value * 10 + (*at - '0') : value;
  return value;
}

Length length(const char*& at) noexcept {
  Length result = Length::Int;
  for (; is_one_of(*at, "hlqjztL"); ++at) {
    if (*at == 'L') result = Length::LongDouble;
    if (is_one_of(*at, "lqjzt")) result = Length::Long;
  }
  return result;
}

}  // namespace

void each_printed_string(const char* format, va_list given, PrintedString visit, void* it) noexcept {
  va_list left;
  va_copy(left, given);
  for (const char* at = format; (at = std::strchr(at, '%')) != nullptr;) {
    ++at;
    while (is_one_of(*at, "-+ #0'I")) ++at;
    number(at, left);
    if (*at == '$') break;
    int precision = -1;
    if (*at == '.') precision = number(++at, left);
    if (*at == '$') break;
    const Length size = length(at);
    const char conversion = *at;
    if (conversion == '\0') break;
    ++at;
    if (is_one_of(conversion, "diouxX")) {
      size == Length::Int ? static_cast<void>(va_arg(left, int)) : static_cast<void>(va_arg(left, long));
    } else if (is_one_of(conversion, "eEfFgGaA")) {
      size == Length::LongDouble ? static_cast<void>(va_arg(left, long double))
                                 : static_cast<void>(va_arg(left, double));
    } else if (conversion == 'c') {
      va_arg(left, int);
    } else if (conversion == 's' && size == Length::Int) {
      const char* const text = va_arg(left, const char*);
      if (text == nullptr) continue;  // printed as a word
      const std::size_t most = precision >= 0 ? static_cast<std::size_t>(precision) : SIZE_MAX;
      const std::size_t whole = precision >= 0 ? strnlen(text, most) : std::strlen(text);
      visit(text, whole < most ? whole + 1 : most, it);
    } else if (is_one_of(conversion, "spnS")) {
      va_arg(left, void*);
    } else if (!is_one_of(conversion, "%m")) {
      break;
    }
  }
  va_end(left);
}

}  // namespace vigil::shim
