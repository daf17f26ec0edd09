#include "reports/model/function_name.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <numeric>

namespace vigil::reports {
namespace {

constexpr std::size_t kLongestSpoken = 60;  // characters; longer names keep their last two parts

bool is_word(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }

// One pass over a demangled name. Groups in brackets are skipped whole, so that only the name's own "::" and spaces
// count.
class NameReader {
 public:
  explicit NameReader(std::string_view text) : text_(text) {}

  std::vector<std::string> read() {
    while (at_ < text_.size()) {
      if (!step()) break;
    }
    if (!part_.empty()) parts_.push_back(std::move(part_));
    return std::move(parts_);
  }

 private:
  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  // Consumes the bracketed group that starts here; to the end when it is not closed.
  std::string_view group() {
    const std::size_t from = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '>' && at_ > from && text_[at_ - 1] == '-') continue;  // "->" closes nothing
      if (c == '(' || c == '<' || c == '{' || c == '[') ++depth;
      if ((c == ')' || c == '>' || c == '}' || c == ']') && --depth == 0) {
        ++at_;
        break;
      }
    }
    return text_.substr(from, at_ - from);
  }

  // "operator" and what it names, which may be made of brackets.
  void read_operator() {
    constexpr std::string_view kWord = "operator";
    part_ += kWord;
    at_ += kWord.size();
    for (const std::string_view pair : {"()", "[]"}) {
      if (starts(pair)) {
        part_ += pair;
        at_ += pair.size();
        return;
      }
    }
    if (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '"')) {  // conversion, new, delete, literal
      while (at_ < text_.size() && text_[at_] != '(') {
        if (text_[at_] == '<') {
          part_ += group();
        } else {
          part_ += text_[at_++];
        }
      }
      return;
    }
    constexpr std::string_view kSymbols = "+-*/%^&|~!=<>,";
    while (at_ < text_.size() && kSymbols.find(text_[at_]) != std::string_view::npos) {
      // operator< <int>: the space ends the symbol; operator<<int> is read as "<<" only when "(" or "<" follows it.
      part_ += text_[at_++];
    }
    if (starts(" <")) ++at_;
  }

  // After a parameter list: whether the name goes on (an entity local to that function).
  bool goes_on_after_parameters() {
    for (bool more = true; more;) {
      more = false;
      for (const std::string_view word : {" const", " volatile", " &&", " &", " noexcept"}) {
        if (starts(word)) {
          at_ += word.size();
          more = true;
        }
      }
      if (starts("[abi:")) {
        group();
        more = true;
      }
    }
    return starts("::");
  }

  // Returns whether there is more to read.
  bool step() {
    const char c = text_[at_];
    if (starts("::")) {
      at_ += 2;
      if (!part_.empty()) parts_.push_back(std::move(part_));
      part_.clear();
    } else if (c == ' ') {
      if (starts(" [clone")) return false;
      ++at_;  // what came before was the return type
      parts_.clear();
      part_.clear();
    } else if (starts("operator") && part_.empty() && (at_ + 8 >= text_.size() || !is_word(text_[at_ + 8]))) {
      read_operator();
    } else if (c == '(') {
      constexpr std::string_view kAnonymous = "(anonymous namespace)";
      if (starts(kAnonymous)) {
        part_ += kAnonymous;
        at_ += kAnonymous.size();
      } else {
        const bool names_something = !part_.empty();
        group();
        if (names_something) return goes_on_after_parameters();
      }
    } else if (c == '<' || c == '[') {
      group();
    } else if (c == '{') {
      part_ += group();
    } else {
      part_ += c;
      ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string part_;
  std::vector<std::string> parts_;
};

std::string joined(const std::vector<std::string>& parts, std::size_t from = 0) {
  std::string text;
  for (std::size_t i = from; i < parts.size(); ++i) {
    if (!text.empty()) text += "::";
    text += parts[i];
  }
  return text;
}

bool is_closure(std::string_view part) noexcept {
  return part.starts_with("{lambda") || part == "{unnamed}" || part.starts_with("$_") || part.starts_with("'lambda") ||
         part == "<lambda>";
}

struct Spoken {
  std::string name;
  bool lambda = false;
};

Spoken spoken_parts(std::string_view demangled) {
  Spoken spoken;
  std::vector<std::string> parts = name_parts(demangled);
  while (parts.size() >= 2 && is_closure(parts[parts.size() - 2]) && parts.back() == "operator()") {
    parts.resize(parts.size() - 2);
    spoken.lambda = true;
  }
  if (!parts.empty() && is_closure(parts.back())) {
    parts.pop_back();
    spoken.lambda = true;
  }
  std::erase_if(parts, [](const std::string& part) { return part == "(anonymous namespace)" || part == "__cxx11"; });
  spoken.name = joined(parts);
  if (spoken.name.size() > kLongestSpoken && parts.size() > 2) spoken.name = joined(parts, parts.size() - 2);
  if (spoken.name.size() > 2 * kLongestSpoken) {
    std::size_t cut = 2 * kLongestSpoken;
    while (cut > 0 && (static_cast<unsigned char>(spoken.name[cut]) & 0xC0U) == 0x80U) --cut;  // not inside a character
    spoken.name = spoken.name.substr(0, cut) + "\u2026";
  }
  return spoken;
}

}  // namespace

std::vector<std::string> name_parts(std::string_view demangled) {
  std::vector<std::string> parts = NameReader(demangled).read();
  if (parts.empty() && !demangled.empty()) parts.emplace_back(demangled);
  return parts;
}

std::string qualified_name(std::string_view demangled) { return joined(name_parts(demangled)); }

std::string stable_name(std::string_view demangled) {
  std::vector<std::string> parts = name_parts(demangled);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string& part = parts[i];
    if (is_closure(part)) {
      part = "{lambda}";
    } else if (const std::size_t dot = part.find('.'); dot != std::string::npos && dot != 0) {
      part.resize(dot);  // name.constprop.0 when the name could not be demangled
    }
  }
  return joined(parts);
}

std::string short_name(std::string_view demangled) {
  if (demangled.empty()) return {};
  const Spoken spoken = spoken_parts(demangled);
  if (!spoken.lambda) return spoken.name;
  return spoken.name.empty() ? "lambda" : fmt::format("lambda in {}", spoken.name);
}

std::string spoken_name(std::string_view demangled) {
  if (demangled.empty()) return {};
  const Spoken spoken = spoken_parts(demangled);
  if (!spoken.lambda) return fmt::format("`{}`", spoken.name);
  return spoken.name.empty() ? "a lambda" : fmt::format("a lambda in `{}`", spoken.name);
}

bool are_two_lambdas(std::string_view demangled, std::string_view other) {
  const Spoken one = spoken_parts(demangled);
  const Spoken two = spoken_parts(other);
  return one.lambda && two.lambda && one.name == two.name && qualified_name(demangled) != qualified_name(other);
}

std::string spoken_lambdas(std::string_view demangled, std::string_view number) {
  const std::string name = spoken_parts(demangled).name;
  return name.empty() ? fmt::format("{} lambdas", number) : fmt::format("{} lambdas in `{}`", number, name);
}

}  // namespace vigil::reports
