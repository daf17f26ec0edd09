// Framing: how a JSON object becomes a record, in the file and to whoever asks for the tasks (docs/finding_format.md).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "interpose/crc32.hpp"

namespace vigil::shim {

class FramedRecord {
 public:
  // `object` is a JSON object, which must outlive this; its last brace gives way to the checksum.
  explicit FramedRecord(std::string_view object) noexcept : object_(object) {
    object_.remove_suffix(1);
    std::uint32_t checksum = crc32(object_);
    for (std::size_t i = digits_.size(); i > 0; --i, checksum >>= 4U) {
      digits_[i - 1] = "0123456789abcdef"[checksum & 0xFU];
    }
  }
  // One after the other they are the record.
  [[nodiscard]] std::array<std::string_view, 5> parts() const& noexcept {
    return {"\n", object_, ",\"crc\":\"", {digits_.data(), digits_.size()}, "\"}\n"};
  }
  std::array<std::string_view, 5> parts() && = delete;  // they point into this

 private:
  std::string_view object_;
  std::array<char, 8> digits_{};
};

}  // namespace vigil::shim
