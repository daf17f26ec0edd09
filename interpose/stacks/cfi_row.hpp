// CfiRow: how to get from one frame to its caller's at one pc, as the call-frame instructions (DWARF 5, 6.4) say it.
#pragma once

#include <array>
#include <cstdint>

#include "interpose/stacks/eh_frame.hpp"
#include "interpose/stacks/registers.hpp"
#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::unwind {

enum class RuleKind : std::uint8_t {
  Same,          // also "unspecified": the callee left it alone
  Undefined,     // lost; for rip: there is no caller
  AtOffset,      // saved at CFA + offset
  IsOffset,      // is CFA + offset
  InRegister,    // offset is the number of the register that holds it
  AtExpression,  // saved where the expression says
  IsExpression,  // is what the expression says
};

struct RegisterRule {
  RuleKind kind = RuleKind::Same;
  std::int64_t offset = 0;
  Cursor expression;
};

struct CfiRow {
  std::array<RegisterRule, kRegisters> registers;
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  Cursor cfa_expression;
  bool cfa_is_expression = false;
  bool is_signal_frame = false;
};

// The row in force at pc. False: no table entry, or one this reader does not understand.
bool find_row(std::uintptr_t pc, CfiRow& row) noexcept;

// From a frame's registers to its caller's. False when something needed is unknown, or does not lie where `stack` may
// be read.
bool apply_row(const CfiRow& row, const Registers& frame, StackWindow& stack, Registers& caller) noexcept;

}  // namespace vigil::shim::unwind
