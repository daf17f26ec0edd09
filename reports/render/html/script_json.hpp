// ScriptJson: JSON inside a <script> element. Strings are data: `<`, `>` and `&` are written as escapes, so that
// nothing in them can end the element; characters that hide or turn text around are shown as escapes, as HtmlWriter
// does; what is too long for a page is cut.
//
//   json.open('{').key("title").text(title).key("sizes").open('[').number(1).number(2).close(']').close('}');
//
// The caller keeps open and close in pairs; commas come by themselves.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace vigil::reports::html {

class ScriptJson {
 public:
  ScriptJson& open(char bracket) {
    separate();
    text_ += bracket;
    comma_ = false;
    return *this;
  }
  ScriptJson& close(char bracket) {
    text_ += bracket;
    comma_ = true;
    return *this;
  }
  // A name of ours: letters only.
  template <std::size_t N>
  ScriptJson& key(const char (&name)[N]) {
    separate();
    text_ += '"';
    text_.append(name, N - 1);
    text_ += "\":";
    comma_ = false;
    return *this;
  }
  ScriptJson& text(std::string_view value);
  ScriptJson& number(std::integral auto value) {
    separate();
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text_.append(digits, end);
    comma_ = true;
    return *this;
  }
  ScriptJson& yes() {
    separate();
    text_ += "true";
    comma_ = true;
    return *this;
  }
  // What another ScriptJson has written: one value, or several with commas between.
  ScriptJson& part(std::string_view json) {
    if (json.empty()) return *this;
    separate();
    text_ += json;
    comma_ = true;
    return *this;
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  void separate() {
    if (comma_) text_ += ',';
  }

  std::string text_;
  bool comma_ = false;
};

}  // namespace vigil::reports::html
