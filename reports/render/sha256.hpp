// SHA-256 in base64, as a content-security policy names the one style (and script) a page may use.
#pragma once

#include <string>
#include <string_view>

namespace vigil::reports {

std::string sha256_base64(std::string_view bytes);

}  // namespace vigil::reports
