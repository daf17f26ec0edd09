// How many bytes an access has, by what its instruction calls. The shadow's records join what one place did to the
// bytes of a granule, so their bytes may be those of several accesses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::race {

// Of the access whose entry point returns there; 0: not known (a range, an atomic, a copy, code that is gone).
std::size_t size_of_access_at(std::uintptr_t return_address) noexcept;

}  // namespace vigil::shim::race
