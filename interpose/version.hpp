// The shim's version, as the record file and the handshake tell it.
#pragma once

#include <string_view>

namespace vigil::shim {

inline constexpr std::string_view kVersion = VIGIL_VERSION;  // from the build

}  // namespace vigil::shim
