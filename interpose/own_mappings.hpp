// Own mappings: where the shim's own memory lies, for who searches the program's. Lock-free, for own memory maps inside
// any wrapper; what does not fit the table is counted, and then nothing is known for certain.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/own_memory.hpp"

namespace vigil::shim {

struct AddressRange {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
  [[nodiscard]] bool holds(std::uintptr_t address) const noexcept { return address >= low && address < high; }
};

void note_own_mapping(std::uintptr_t at, std::size_t bytes) noexcept;
void forget_own_mapping(std::uintptr_t at) noexcept;  // before it is unmapped
// Appends them all. False: some are missing.
bool add_own_mappings(OwnVector<AddressRange>& to) noexcept;

}  // namespace vigil::shim
