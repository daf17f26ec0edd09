// HtmlWriter: markup is what we wrote ourselves, a literal; all else is data and is escaped. The types tell them apart:
// a std::string cannot be written as markup, it does not compile.
//
// Escaped data is safe both as content and inside a double-quoted attribute. Characters that hide or turn text around
// are shown as escapes, so that a name cannot look like another.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace vigil::reports {
template <class Escape>
class JsonText;
}

namespace vigil::reports::html {

struct ScriptEscape;
using ScriptJson = JsonText<ScriptEscape>;

// What a page shows of one name or message, in bytes: a longer one helps no reader. The JSON form has it whole.
inline constexpr std::size_t kLongestText = 4096;

// A literal of ours.
class Markup {
 public:
  template <std::size_t N>
  consteval Markup(const char (&literal)[N])
      : text_(literal, N - 1) {}  // NOLINT(google-explicit-constructor): its purpose
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

 private:
  friend Markup viewer_script() noexcept;  // files of ours, made part of the program
  friend Markup viewer_style() noexcept;
  explicit constexpr Markup(std::string_view ours) noexcept : text_(ours) {}

  std::string_view text_;
};

// Data, to be escaped.
struct Text {
  std::string_view value;
};
// Data in which `backticks` mark code: written as <code>.
struct Prose {
  std::string_view value;
};

struct Base64 {
  std::string_view bytes;
};

class HtmlWriter {
 public:
  HtmlWriter& operator<<(Markup markup) {
    out_ += markup.text();
    return *this;
  }
  HtmlWriter& operator<<(Text text);
  HtmlWriter& operator<<(Prose prose);
  HtmlWriter& operator<<(std::integral auto number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out_.append(digits, end);
    return *this;
  }
  // Data that another writer has already made harmless in a <script> element: ScriptJson.
  HtmlWriter& operator<<(const ScriptJson& json);
  // Bytes in base64, which has no character that means anything here; never cut.
  HtmlWriter& operator<<(Base64 bytes);
  // For drawings: one digit after the point.
  HtmlWriter& coordinate(double value);

  [[nodiscard]] std::string take() noexcept { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace vigil::reports::html
