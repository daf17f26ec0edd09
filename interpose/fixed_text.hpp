// FixedText: a line built in place, without allocation; what does not fit is cut.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vigil::shim {

template <std::size_t kCapacity>
class FixedText {
 public:
  // Not inlined: no text is on a path that must be fast, and g++ 12 loses track of sizes where much is inlined.
  [[gnu::noinline]] FixedText& operator<<(std::string_view text) noexcept {
    const std::size_t n = std::min(text.size(), kCapacity - size_);
    std::copy_n(text.data(), n, text_.data() + size_);
    size_ += n;
    return *this;
  }
  FixedText& operator<<(std::integral auto number) noexcept {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return *this << std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  FixedText& hex(std::uint64_t number) noexcept {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return *this << std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()));
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }
  // The text with a NUL behind it; the text must be shorter than the capacity.
  [[nodiscard]] const char* c_str() noexcept {
    text_[std::min(size_, kCapacity - 1)] = '\0';
    return text_.data();
  }
  [[nodiscard]] bool full() const noexcept { return size_ == kCapacity; }

 private:
  std::array<char, kCapacity> text_{};
  std::size_t size_ = 0;
};

using Line = FixedText<1024>;
using PathText = FixedText<4096>;

}  // namespace vigil::shim
