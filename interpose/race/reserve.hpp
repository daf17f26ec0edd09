// Address space of our own that costs memory only where it is touched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::race {

// Zeroed, never given back; null when there is none. at: where it must lie, or 0. Not part of core dumps.
void* reserve_zeroed(std::size_t bytes, std::uintptr_t at = 0) noexcept;
// [from, from + bytes), page-aligned: zero again, and the memory is the system's.
void give_pages_back(std::uintptr_t from, std::size_t bytes) noexcept;

}  // namespace vigil::shim::race
