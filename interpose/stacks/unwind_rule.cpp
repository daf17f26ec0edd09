#include "interpose/stacks/unwind_rule.hpp"

namespace vigil::shim::unwind {

constinit RuleCache rule_cache;

namespace {

bool is_deref_of_rbp(Cursor expression, std::int64_t& offset) noexcept {
  constexpr std::uint8_t kBregRbp = 0x76;
  constexpr std::uint8_t kDeref = 0x06;
  if (expression.read<std::uint8_t>() != kBregRbp) return false;
  offset = expression.sleb();
  return expression.read<std::uint8_t>() == kDeref && expression.at_end() && !expression.bad();
}

}  // namespace

UnwindRule make_rule(std::uintptr_t pc) noexcept {
  CfiRow row;
  if (!find_row(pc, row)) return UnwindRule(StepKind::NoTable);
  const RegisterRule& rip = row.registers[static_cast<std::size_t>(Reg::Rip)];
  const RegisterRule& rbp = row.registers[static_cast<std::size_t>(Reg::Rbp)];
  const RegisterRule& rsp = row.registers[static_cast<std::size_t>(Reg::Rsp)];
  if (rip.kind == RuleKind::Undefined) return UnwindRule(StepKind::Outermost);
  const UnwindRule by_hand(StepKind::NeedsRow);
  if (row.is_signal_frame || rsp.kind != RuleKind::Same) return by_hand;
  if (rip.kind != RuleKind::AtOffset || rip.offset != -8) return by_hand;
  std::int64_t rbp_offset = 0;
  if (rbp.kind == RuleKind::AtOffset) {
    rbp_offset = rbp.offset;
  } else if (rbp.kind == RuleKind::AtExpression) {
    // With a realigned stack rbp is saved where rbp itself points; that is a row's work unless it says "at rbp + 0",
    // which gcc writes there always. The walk reads it before it moves rbp.
    std::int64_t at = 0;
    Cursor expression = rbp.expression;
    constexpr std::uint8_t kBregRbp = 0x76;
    if (expression.read<std::uint8_t>() != kBregRbp) return by_hand;
    at = expression.sleb();
    if (at != 0 || !expression.at_end()) return by_hand;
    rbp_offset = kRbpAtRbp;
  } else if (rbp.kind != RuleKind::Same) {
    return by_hand;
  }
  std::int64_t cfa_offset = row.cfa_offset;
  StepKind kind = StepKind::NeedsRow;
  if (row.cfa_is_expression) {
    if (is_deref_of_rbp(row.cfa_expression, cfa_offset)) kind = StepKind::AtRbp;
  } else if (row.cfa_register == static_cast<std::uint64_t>(Reg::Rsp)) {
    kind = StepKind::FromRsp;
  } else if (row.cfa_register == static_cast<std::uint64_t>(Reg::Rbp)) {
    kind = StepKind::FromRbp;
  }
  if (kind == StepKind::NeedsRow || !UnwindRule::fits(cfa_offset) || !UnwindRule::fits(rbp_offset)) return by_hand;
  return {kind, cfa_offset, rbp_offset};
}

[[gnu::noinline]] UnwindRule RuleCache::fill(Slot& slot, std::uintptr_t pc, std::uint64_t salt) noexcept {
  const UnwindRule made = make_rule(pc);
  slot.rule.store(made.word(), std::memory_order_relaxed);
  slot.key.store(pc ^ made.word() ^ salt, std::memory_order_relaxed);
  return made;
}

}  // namespace vigil::shim::unwind
