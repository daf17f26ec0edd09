// The probes of watched variables (Traced<T>).
#include "interpose/actor.hpp"
#include "interpose/export.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/variables.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

extern "C" VIGIL_EXPORT void vigil_probe_variable_make(const void* address, size_t size) noexcept {
  record([&] { variables::make(reinterpret_cast<std::uintptr_t>(address), size); });
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_destroy(const void* address, size_t size) noexcept {
  record([&] { variables::destroy(reinterpret_cast<std::uintptr_t>(address), size); });
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_read(const void* address, size_t size) noexcept {
  record([&] { variables::read(reinterpret_cast<std::uintptr_t>(address), size); });
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_write(const void* address, size_t size) noexcept {
  record([&] { variables::write(reinterpret_cast<std::uintptr_t>(address), size); });
}
