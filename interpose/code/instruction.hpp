// Instruction: how long one x86-64 machine instruction is, whether threads order themselves by it, and where it leads.
//
// A decoder of lengths, for the 64-bit mode: prefixes, VEX and EVEX, the three opcode maps, ModRM, SIB,
// displacement and immediate, from the opcode maps of the architecture manual (Intel SDM, volume 2, appendix A). What
// it does not know it says; a sweep then goes on at the next byte and is in step again after an instruction or two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vigil::shim::code {

// Where the next instruction is, if not behind this one.
enum class Flow : std::uint8_t {
  None,      // behind it; also a return, and the jump of a switch: into the same function
  Direct,    // or at the displacement, counted from its end: call, jump, conditional jump
  Slot,      // or where the eight bytes at the displacement, counted from its end, point to: *x(%rip)
  Anywhere,  // or where a register or an object says: call by pointer, call of a virtual function
};

struct Instruction {
  std::size_t length = 0;  // bytes; 0: unknown, or it goes on behind the bytes given
  // A locked or exchanging access, a fence, a system call, or the breath of a spin loop. Plain loads and stores may
  // order as well; nobody can tell those from others.
  bool orders = false;
  Flow flow = Flow::None;
  std::int32_t displacement = 0;
};

Instruction decode(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace vigil::shim::code
