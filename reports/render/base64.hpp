// Base64 (RFC 4648, with padding).
#pragma once

#include <string>
#include <string_view>

namespace vigil::reports {

std::string base64(std::string_view bytes);

}  // namespace vigil::reports
