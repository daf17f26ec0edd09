// Call stacks as small numbers: captured cheaply, interned once, named much later and elsewhere (vigil report).
//
// A frame is a program counter that lies inside the call instruction (the return address minus one; the exact pc for
// the innermost frame of saved registers). Frames run from the innermost outwards. Frames of the shim itself are never
// part; of libvigil.so's at the inner end only the outermost is: the function that the program called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vigil/probe.h"

namespace vigil::shim {

enum class StackId : std::uint32_t {};  // 0: no stack
inline constexpr StackId kNoStack{0};
inline constexpr std::size_t kMaxFrames = 128;  // deeper stacks keep the innermost 96 and the outermost 32

// The calling thread's stack, from the first caller outside the shim. Hot: an unwind through cached rules, no
// allocation when the stack is known already. Works without frame pointers in the program. Safe inside any probe or
// wrapper.
StackId capture_stack() noexcept;
// A parked task's stack from its saved registers: reads it, never runs on it. Demands runtime->pause().
StackId capture_parked(const vigil_probe_registers& saved, std::uintptr_t stack_low,
                       std::uintptr_t stack_high) noexcept;
// A stack given by a pc list somebody else captured (Boost.Stacktrace, a saved throw).
StackId intern_stack(std::span<const std::uintptr_t> frames) noexcept;

// Valid until the process ends. Empty for kNoStack.
std::span<const std::uintptr_t> frames_of(StackId id) noexcept;

// Where a pc lies. module counts from 1 in order of first sight; 0: unknown. A library that was unloaded keeps its
// number.
struct ModuleOffset {
  std::uint32_t module;
  std::uint64_t offset;  // ELF virtual address: pc minus load bias
};
ModuleOffset locate(std::uintptr_t pc) noexcept;
// A frame of a captured stack, exact also when its library has been unloaded since and another lies there now.
ModuleOffset locate(StackId id, std::size_t frame) noexcept;

struct ModuleInfo {
  const char* path;      // absolute where known; the program itself, not "/proc/self/exe"
  const char* build_id;  // lower-case hex, "" when the module has none
  std::uintptr_t bias;
  std::uint64_t size;  // bytes from the first to the end of the last loaded segment
  bool is_program;     // the executable
  bool is_vigil;       // libvigil.so, the shim, or the fiber library below them
};
std::uint32_t module_count() noexcept;
const ModuleInfo& module_info(std::uint32_t module) noexcept;  // 1 .. module_count()

// A number that is the same for equal stacks in every run of the same binaries: of (build id or file name, offset).
std::uint64_t stable_hash(StackId id) noexcept;

// Called after dlopen and dlclose, and once at start.
void modules_changed() noexcept;

}  // namespace vigil::shim
