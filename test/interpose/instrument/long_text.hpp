// A text that lies in the heap, and a use of it that no compiler leaves out.
#pragma once

#include <cstdlib>
#include <string>

namespace vigil::test {

inline std::string long_text(int n) {
  return "a text that does not fit into the string itself, number " + std::to_string(n);
}
inline void use(const std::string& text) {
  constexpr std::size_t kShort = 20;
  if (text.size() < kShort) std::abort();
}

}  // namespace vigil::test
