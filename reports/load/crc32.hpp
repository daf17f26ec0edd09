// CRC-32 with zlib's polynomial: what protects each line of a record file.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::reports {

std::uint32_t crc32(std::string_view bytes) noexcept;

}  // namespace vigil::reports
