// The modules (program, libraries) that code was seen in, numbered in order of first sight; locate() and module_info()
// of stack_capture.hpp are this file's.
#pragma once

#include <atomic>
#include <cstdint>

namespace vigil::shim {

// The number of the module that pc lies in now, registered if it is new; 0: none. Takes the modules' lock only for a
// new one.
std::uint32_t module_at(std::uintptr_t pc) noexcept;
// Where code of ours lies, as modules_changed() last found it; empty before that.
struct CodeRange {
  // relaxed, both: whoever reads between the two stores of a change takes a frame for one of the program's, no worse.
  std::atomic<std::uintptr_t> low{0};
  std::atomic<std::uintptr_t> high{0};
  [[nodiscard]] bool holds(std::uintptr_t pc) const noexcept {
    return pc >= low.load(std::memory_order_relaxed) && pc < high.load(std::memory_order_relaxed);
  }
  void set(std::uintptr_t from, std::uintptr_t to) noexcept {
    high.store(to, std::memory_order_relaxed);
    low.store(from, std::memory_order_relaxed);
  }
};
extern constinit CodeRange shim_code;     // empty also when the shim's code is linked into the program (a unit test)
extern constinit CodeRange runtime_code;  // libvigil.so; empty when it is not loaded
namespace detail {
extern constinit std::atomic<std::uint32_t> modules_generation;
}  // namespace detail
// Grows by one with each dlclose that took code away: until then a pc means one place. relaxed: who runs code of a new
// module learned of it after the old one had gone.
inline std::uint32_t modules_generation() noexcept {
  return detail::modules_generation.load(std::memory_order_relaxed);
}
// Where its first segment, and with it its ELF header, is mapped; 0: it was unloaded.
std::uintptr_t image_of(std::uint32_t module) noexcept;
// A number for what the module is, the same in every run: of its build id, or of its file name. 0 for module 0.
std::uint64_t module_identity(std::uint32_t module) noexcept;

}  // namespace vigil::shim
