// Registers: what a walk knows of one frame's registers, by DWARF number (System V x86-64 ABI, figure 3.36).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vigil::shim::unwind {

enum class Reg : std::uint8_t { Rbx = 3, Rbp = 6, Rsp = 7, R12 = 12, R13 = 13, R14 = 14, R15 = 15, Rip = 16 };
inline constexpr std::size_t kRegisters = 17;

struct Registers {
  std::array<std::uint64_t, kRegisters> value{};
  std::uint32_t known = 0;  // bit i: value[i] is what the register held; a callee may have spoilt the others

  [[nodiscard]] bool knows(std::size_t reg) const noexcept { return (known & (1U << reg)) != 0; }
  [[nodiscard]] std::uint64_t get(Reg reg) const noexcept { return value[static_cast<std::size_t>(reg)]; }
  void set(std::size_t reg, std::uint64_t to) noexcept {
    value[reg] = to;
    known |= 1U << reg;
  }
  void set(Reg reg, std::uint64_t to) noexcept { set(static_cast<std::size_t>(reg), to); }
};

}  // namespace vigil::shim::unwind
