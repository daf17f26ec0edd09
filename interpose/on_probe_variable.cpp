// The probes of watched variables (Traced<T>).
#include "interpose/export.hpp"
#include "interpose/race/tsan_bridge.hpp"
#include "interpose/variables.hpp"

using namespace vigil::shim;  // the probes are C functions and stand outside every namespace

namespace {
// Under ThreadSanitizer's runtime the accesses themselves are seen, and compared with what atomics order as well.
bool is_seen_anyway() noexcept { return race::bridge::is_on(); }
}  // namespace

extern "C" VIGIL_EXPORT void vigil_probe_variable_make(const void* address, size_t size) noexcept {
  if (is_seen_anyway()) return;
  variables::make(reinterpret_cast<std::uintptr_t>(address), size);
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_destroy(const void* address, size_t size) noexcept {
  if (is_seen_anyway()) return;
  variables::destroy(reinterpret_cast<std::uintptr_t>(address), size);
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_read(const void* address, size_t size) noexcept {
  if (is_seen_anyway()) return;
  variables::read(reinterpret_cast<std::uintptr_t>(address), size);
}

extern "C" VIGIL_EXPORT void vigil_probe_variable_write(const void* address, size_t size) noexcept {
  if (is_seen_anyway()) return;
  variables::write(reinterpret_cast<std::uintptr_t>(address), size);
}
