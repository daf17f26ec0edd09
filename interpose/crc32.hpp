// CRC-32 with zlib's polynomial (0xEDB88320, reflected), a table made at compile time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vigil::shim {

namespace detail {
constexpr std::array<std::uint32_t, 256> crc32_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1U) : c >> 1U;
    table[i] = c;
  }
  return table;
}
inline constexpr auto kCrc32Table = crc32_table();
}  // namespace detail

constexpr std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char byte : bytes) c = detail::kCrc32Table[(c ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (c >> 8U);
  return c ^ 0xFFFFFFFFU;
}
static_assert(crc32("123456789") == 0xCBF43926U);  // the check value every CRC-32 gives

}  // namespace vigil::shim
