// JsonText: one JSON value being written into own memory. Commas are placed by itself.
//
//   JsonText json;
//   json.object().key("type").text("tasks").key("started").number(3).end_object();
//   write_record(json.view());
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "interpose/own_memory.hpp"

namespace vigil::shim {

class JsonText {
 public:
  JsonText& object() noexcept { return open('{'); }
  JsonText& end_object() noexcept { return close('}'); }
  JsonText& array() noexcept { return open('['); }
  JsonText& end_array() noexcept { return close(']'); }
  JsonText& key(std::string_view name) noexcept;  // must be plain ASCII without quotes: a name of the format
  // Any bytes: control characters are escaped, what is not UTF-8 becomes U+FFFD.
  JsonText& text(std::string_view bytes) noexcept;
  JsonText& number(std::integral auto value) noexcept {
    if constexpr (std::signed_integral<decltype(value)>) {
      return signed_number(value);
    } else {
      return unsigned_number(value);
    }
  }
  JsonText& truth(bool value) noexcept { return plain(value ? "true" : "false"); }
  JsonText& null() noexcept { return plain("null"); }
  JsonText& hex(std::uint64_t value) noexcept;         // "0x1f"
  JsonText& hex_digits(std::uint64_t value) noexcept;  // "000000000000001f"

  [[nodiscard]] std::string_view view() const noexcept { return {out_.data(), out_.size()}; }

 private:
  JsonText& open(char bracket) noexcept;
  JsonText& close(char bracket) noexcept;
  JsonText& plain(std::string_view value) noexcept;
  JsonText& signed_number(std::int64_t value) noexcept;
  JsonText& unsigned_number(std::uint64_t value) noexcept;
  void separate() noexcept;
  void append(std::string_view bytes) noexcept { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  OwnVector<char> out_;
  bool need_comma_ = false;
};

}  // namespace vigil::shim
