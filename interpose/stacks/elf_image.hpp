// ElfImage: what the headers of a loaded module say. Reads the mapped image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vigil::shim {

// The GNU build id of the module whose ELF header is mapped at `header`; empty when it has none or the header is not
// there.
std::span<const std::uint8_t> build_id_of(std::uintptr_t header, std::uintptr_t bias) noexcept;

}  // namespace vigil::shim
