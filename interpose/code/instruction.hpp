// Instruction: how long one x86-64 machine instruction is, and whether threads order themselves by it.
//
// A decoder of lengths only, for the 64-bit mode: prefixes, VEX and EVEX, the three opcode maps, ModRM, SIB,
// displacement and immediate, from the opcode maps of the architecture manual (Intel SDM, volume 2, appendix A). What
// it does not know it says; a sweep then goes on at the next byte and is in step again after an instruction or two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vigil::shim::code {

struct Instruction {
  std::size_t length = 0;  // bytes; 0: unknown, or it goes on behind the bytes given
  // A locked or exchanging access, a fence, a system call, or the breath of a spin loop. Plain loads and stores may
  // order as well; nobody can tell those from others.
  bool orders = false;
};

Instruction decode(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace vigil::shim::code
