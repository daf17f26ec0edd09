// Deflate, by zlib: the page's data when it is big, and the profile form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigil::reports {

enum class DeflateForm : std::uint8_t { Zlib, Gzip };
// Throws std::bad_alloc when zlib finds no memory; it fails in no other way.
std::string deflated(std::string_view bytes, DeflateForm form);

}  // namespace vigil::reports
