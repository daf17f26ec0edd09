#include "interpose/stacks/cfi_row.hpp"

#include "interpose/stacks/cfi_expression.hpp"

namespace vigil::shim::unwind {
namespace {

// DW_CFA_ instructions. The first three keep an operand in their low six bits.
enum : std::uint8_t {
  kAdvance = 0x40,
  kOffset = 0x80,
  kRestore = 0xc0,
  kNothing = 0x00,
  kSetLoc = 0x01,
  kAdvance1 = 0x02,
  kAdvance2 = 0x03,
  kAdvance4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kGnuArgsSize = 0x2e,
  kGnuNegativeOffset = 0x2f,
};

class Machine {
 public:
  Machine(const Entry& entry, std::uintptr_t pc, CfiRow& row) noexcept
      : entry_(entry), pc_(pc), location_(entry.begin), row_(row) {}

  bool run() noexcept {
    Cursor initial = entry_.initial;
    while (!initial.at_end()) {
      if (!step(initial)) return false;
    }
    initial_ = row_.registers;
    Cursor own = entry_.instructions;
    while (!own.at_end() && !past_) {
      if (!step(own)) return false;
    }
    return !initial.bad() && !own.bad();
  }

 private:
  static constexpr std::size_t kMostRemembered = 4;  // compilers nest one deep
  struct State {
    std::array<RegisterRule, kRegisters> registers;
    std::uint64_t cfa_register;
    std::int64_t cfa_offset;
    Cursor cfa_expression;
    bool cfa_is_expression;
  };

  void advance(std::uint64_t by) noexcept {
    location_ += by * entry_.code_align;
    past_ = location_ > pc_;
  }
  // Registers beyond rip (vector, x87) occur in tables; we follow none of them.
  void rule(std::uint64_t reg, RuleKind kind, std::int64_t offset) noexcept {
    if (reg < kRegisters) row_.registers[reg] = {kind, offset, Cursor()};
  }
  void rule(std::uint64_t reg, RuleKind kind, Cursor expression) noexcept {
    if (reg < kRegisters) row_.registers[reg] = {kind, 0, expression};
  }
  void restore(std::uint64_t reg) noexcept {
    if (reg < kRegisters) row_.registers[reg] = initial_[reg];
  }
  void cfa(std::uint64_t reg, std::int64_t offset) noexcept {
    row_.cfa_register = reg;
    row_.cfa_offset = offset;
    row_.cfa_is_expression = false;
  }
  [[nodiscard]] std::int64_t factored(std::uint64_t value) const noexcept {
    return static_cast<std::int64_t>(value) * entry_.data_align;
  }

  bool step(Cursor& code) noexcept;
  bool step_extended(std::uint8_t instruction, Cursor& code) noexcept;

  const Entry& entry_;
  const std::uintptr_t pc_;
  std::uintptr_t location_;
  bool past_ = false;  // location_ is beyond pc_: the row is complete
  CfiRow& row_;
  std::array<RegisterRule, kRegisters> initial_{};
  std::array<State, kMostRemembered> remembered_;
  std::size_t remembered_count_ = 0;
};

bool Machine::step(Cursor& code) noexcept {
  const auto instruction = code.read<std::uint8_t>();
  const std::uint8_t operand = instruction & 0x3fU;
  switch (instruction & 0xc0U) {
    case kAdvance:
      advance(operand);
      return true;
    case kOffset:
      rule(operand, RuleKind::AtOffset, factored(code.uleb()));
      return true;
    case kRestore:
      restore(operand);
      return true;
    default:
      return step_extended(instruction, code);
  }
}

bool Machine::step_extended(std::uint8_t instruction, Cursor& code) noexcept {
  // Two operands are read in order: function arguments are not evaluated in one.
  switch (instruction) {
    case kNothing:
      return true;
    case kAdvance1:
      advance(code.read<std::uint8_t>());
      return true;
    case kAdvance2:
      advance(code.read<std::uint16_t>());
      return true;
    case kAdvance4:
      advance(code.read<std::uint32_t>());
      return true;
    case kOffsetExtended: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::AtOffset, factored(code.uleb()));
      return true;
    }
    case kOffsetExtendedSf: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::AtOffset, code.sleb() * entry_.data_align);
      return true;
    }
    case kGnuNegativeOffset: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::AtOffset, -factored(code.uleb()));
      return true;
    }
    case kValOffset: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::IsOffset, factored(code.uleb()));
      return true;
    }
    case kValOffsetSf: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::IsOffset, code.sleb() * entry_.data_align);
      return true;
    }
    case kRestoreExtended:
      restore(code.uleb());
      return true;
    case kUndefined:
      rule(code.uleb(), RuleKind::Undefined, 0);
      return true;
    case kSameValue:
      rule(code.uleb(), RuleKind::Same, 0);
      return true;
    case kRegister: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::InRegister, static_cast<std::int64_t>(code.uleb()));
      return true;
    }
    case kRememberState:
      if (remembered_count_ == kMostRemembered) return false;
      remembered_[remembered_count_++] = {row_.registers, row_.cfa_register, row_.cfa_offset, row_.cfa_expression,
                                          row_.cfa_is_expression};
      return true;
    case kRestoreState: {
      if (remembered_count_ == 0) return false;
      const State& state = remembered_[--remembered_count_];
      row_.registers = state.registers;
      row_.cfa_register = state.cfa_register;
      row_.cfa_offset = state.cfa_offset;
      row_.cfa_expression = state.cfa_expression;
      row_.cfa_is_expression = state.cfa_is_expression;
      return true;
    }
    case kDefCfa: {
      const std::uint64_t reg = code.uleb();
      cfa(reg, static_cast<std::int64_t>(code.uleb()));
      return true;
    }
    case kDefCfaSf: {
      const std::uint64_t reg = code.uleb();
      cfa(reg, code.sleb() * entry_.data_align);
      return true;
    }
    case kDefCfaRegister:
      cfa(code.uleb(), row_.cfa_offset);
      return true;
    case kDefCfaOffset:
      cfa(row_.cfa_register, static_cast<std::int64_t>(code.uleb()));
      return true;
    case kDefCfaOffsetSf:
      cfa(row_.cfa_register, code.sleb() * entry_.data_align);
      return true;
    case kDefCfaExpression:
      row_.cfa_expression = code.block(code.uleb());
      row_.cfa_is_expression = true;
      return true;
    case kExpression: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::AtExpression, code.block(code.uleb()));
      return true;
    }
    case kValExpression: {
      const std::uint64_t reg = code.uleb();
      rule(reg, RuleKind::IsExpression, code.block(code.uleb()));
      return true;
    }
    case kGnuArgsSize:
      code.uleb();
      return true;
    default:
      return false;  // kSetLoc (no compiler writes it) and what is not of this machine
  }
}

bool register_value(const RegisterRule& rule, std::size_t reg, std::uint64_t cfa, const Registers& frame,
                    StackWindow& stack, Registers& caller) noexcept {
  std::uint64_t value = 0;
  switch (rule.kind) {
    case RuleKind::Same:
      if (frame.knows(reg)) caller.set(reg, frame.value[reg]);
      return true;
    case RuleKind::Undefined:
      return true;
    case RuleKind::AtOffset:
      if (!read_word(stack, cfa + static_cast<std::uint64_t>(rule.offset), value)) return false;
      break;
    case RuleKind::IsOffset:
      value = cfa + static_cast<std::uint64_t>(rule.offset);
      break;
    case RuleKind::InRegister: {
      const auto from = static_cast<std::uint64_t>(rule.offset);
      if (from >= kRegisters || !frame.knows(from)) return true;
      value = frame.value[from];
      break;
    }
    case RuleKind::AtExpression:
      if (!evaluate(rule.expression, frame, &cfa, stack, value) || !read_word(stack, value, value)) return false;
      break;
    case RuleKind::IsExpression:
      if (!evaluate(rule.expression, frame, &cfa, stack, value)) return false;
      break;
  }
  caller.set(reg, value);
  return true;
}

}  // namespace

bool find_row(std::uintptr_t pc, CfiRow& row) noexcept {
  Entry entry;
  if (!find_entry(pc, entry)) return false;
  row.is_signal_frame = entry.is_signal_frame;
  return Machine(entry, pc, row).run();
}

bool apply_row(const CfiRow& row, const Registers& frame, StackWindow& stack, Registers& caller) noexcept {
  std::uint64_t cfa = 0;
  if (row.cfa_is_expression) {
    if (!evaluate(row.cfa_expression, frame, nullptr, stack, cfa)) return false;
  } else {
    if (row.cfa_register >= kRegisters || !frame.knows(row.cfa_register)) return false;
    cfa = frame.value[row.cfa_register] + static_cast<std::uint64_t>(row.cfa_offset);
  }
  caller = Registers();
  for (std::size_t reg = 0; reg < kRegisters; ++reg) {
    const RegisterRule& rule = row.registers[reg];
    // A register that the ABI lets callees spoil may be lost without harm; rip and rbp may not.
    if (!register_value(rule, reg, cfa, frame, stack, caller) && reg == static_cast<std::size_t>(Reg::Rip))
      return false;
  }
  // The CFA is, by definition, the caller's rsp; a signal frame says it by a rule of its own.
  constexpr auto kRsp = static_cast<std::size_t>(Reg::Rsp);
  if (row.registers[kRsp].kind == RuleKind::Same) caller.set(kRsp, cfa);
  return true;
}

}  // namespace vigil::shim::unwind
