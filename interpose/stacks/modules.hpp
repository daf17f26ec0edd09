// The modules (program, libraries) that code was seen in, numbered in order of first sight; locate() and module_info()
// of stack_capture.hpp are this file's.
#pragma once

#include <cstdint>

namespace vigil::shim {

// The number of the module that pc lies in now, registered if it is new; 0: none. Takes the modules' lock only for a
// new one.
std::uint32_t module_at(std::uintptr_t pc) noexcept;
// Whether pc is in the shim's own code. Never, when the shim's code is linked into the program (a unit test).
bool is_shim_code(std::uintptr_t pc) noexcept;
// Whether pc is in libvigil.so, as modules_changed() last found it.
bool is_runtime_code(std::uintptr_t pc) noexcept;
// Grows by one with each dlclose that took code away: until then a pc means one place.
std::uint32_t modules_generation() noexcept;
// A number for what the module is, the same in every run: of its build id, or of its file name. 0 for module 0.
std::uint64_t module_identity(std::uint32_t module) noexcept;

}  // namespace vigil::shim
