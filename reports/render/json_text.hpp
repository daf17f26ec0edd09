// JsonText: JSON, written straight into one text.
//
//   json.open('{').key("title").text(title).key("sizes").open('[').number(1).number(2).close(']').close('}');
//
// The caller keeps open and close in pairs; commas come by themselves. Escape::append says how a string is written,
// which depends on where the JSON goes.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace vigil::reports {

template <class Escape>
class JsonText {
 public:
  JsonText& open(char bracket) {
    separate();
    text_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonText& close(char bracket) {
    text_ += bracket;
    comma_ = true;
    return *this;
  }
  // What comes next begins a line.
  JsonText& line() {
    separate();
    text_ += '\n';
    comma_ = false;
    return *this;
  }
  // A name of ours: letters only.
  template <std::size_t N>
  JsonText& key(const char (&name)[N]) {
    separate();
    text_ += '"';
    text_.append(name, N - 1);
    text_ += "\":";
    comma_ = false;
    return *this;
  }
  JsonText& key(std::string_view name) {
    text(name);
    text_ += ':';
    comma_ = false;
    return *this;
  }
  JsonText& text(std::string_view value) {
    separate();
    text_ += '"';
    Escape::append(text_, value);
    text_ += '"';
    comma_ = true;
    return *this;
  }
  JsonText& number(std::integral auto value) {
    separate();
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text_.append(digits, end);
    comma_ = true;
    return *this;
  }
  JsonText& boolean(bool value) { return part(value ? "true" : "false"); }
  JsonText& yes() { return boolean(true); }
  JsonText& null() { return part("null"); }
  // What another JsonText has written: one value, or several with commas between.
  JsonText& part(std::string_view json) {
    if (json.empty()) return *this;
    separate();
    text_ += json;
    comma_ = true;
    return *this;
  }
  JsonText& end_line() {
    text_ += '\n';
    return *this;
  }

  // What was written so far is forgotten, and what comes next goes on behind it.
  void clear() noexcept { text_.clear(); }
  [[nodiscard]] const std::string& text() const& noexcept { return text_; }
  [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

 private:
  void separate() {
    if (comma_) text_ += ',';
  }

  std::string text_;
  bool comma_ = false;
};

// For a file of JSON: only what JSON itself asks for is escaped, and what is no UTF-8 becomes U+FFFD.
struct PlainEscape {
  static void append(std::string& out, std::string_view value);
};

}  // namespace vigil::reports
