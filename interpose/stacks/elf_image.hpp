// ElfImage: what the headers of a loaded module say. Reads the mapped image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace vigil::shim {

// The GNU build id of the module whose ELF header is mapped at `header`; empty when it has none or the header is not
// there.
std::span<const std::uint8_t> build_id_of(std::uintptr_t header, std::uintptr_t bias) noexcept;

// Calls visit(std::span<const std::uint8_t> code) for each executable segment that is readable, until it returns false.
// False: the header is not there, so nothing is known.
bool each_code_segment(std::uintptr_t header, std::uintptr_t bias, bool (*visit)(std::span<const std::uint8_t>, void*),
                       void* context) noexcept;
template <class Visit>
bool each_code_segment(std::uintptr_t header, std::uintptr_t bias, Visit&& visit) noexcept {
  return each_code_segment(
      header, bias,
      [](std::span<const std::uint8_t> code, void* context) -> bool {
        return (*static_cast<std::remove_reference_t<Visit>*>(context))(code);
      },
      &visit);
}

}  // namespace vigil::shim
