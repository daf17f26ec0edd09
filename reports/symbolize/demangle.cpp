#include "reports/symbolize/demangle.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "reports/model/utf8.hpp"

namespace vigil::reports {
namespace {

constexpr std::size_t kLongestMangled = 8192;  // bytes; real names of heavy templates stay below
constexpr std::size_t kLongestName = 4096;     // bytes shown of any name
// Substitutions let a short mangled name grow without bound ("S0_" may stand for all that came before). A real name
// repeats few big parts; one with many substitutions and pairs of them could be made to eat memory.
constexpr std::size_t kMostSubstitutions = 1500;

bool may_demangle(std::string_view symbol) noexcept {
  if (symbol.size() > kLongestMangled) return false;
  std::size_t substitutions = 0;
  std::size_t doubling = 0;  // "I" with two substitutions in a row: the shape of a name that doubles at each step
  for (std::size_t i = 0; i + 1 < symbol.size(); ++i) {
    if (symbol[i] != 'S' && symbol[i] != 'T') continue;
    std::size_t end = i + 1;
    while (end < symbol.size() && symbol[end] != '_' && end - i < 4) ++end;
    if (end >= symbol.size() || symbol[end] != '_') continue;
    ++substitutions;
    if (end + 2 < symbol.size() && symbol.substr(end + 1).starts_with(symbol.substr(i, end - i + 1))) ++doubling;
  }
  return substitutions <= kMostSubstitutions && doubling <= 16;
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestName) return text;
  std::size_t cut = kLongestName;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  text.resize(cut);
  return text + "\u2026";
}

}  // namespace

std::string demangle(std::string_view symbol) {
  if (symbol.starts_with("_Z")) {
    const std::string_view name = symbol.substr(0, symbol.find('.'));
    if (may_demangle(name)) {
      int status = 0;
      const std::unique_ptr<char, decltype(&std::free)> plain(
          abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &status), &std::free);
      if (status == 0 && plain) return shortened(to_valid_utf8(plain.get()));
    }
  }
  return shortened(to_valid_utf8(symbol.substr(0, 2 * kLongestName)));
}

}  // namespace vigil::reports
