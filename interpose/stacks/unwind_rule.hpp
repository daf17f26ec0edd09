// UnwindRule: a CfiRow in one word, for the nine hundred and ninety-nine of a thousand frames that need no more.
#pragma once

#include <cstdint>

#include "interpose/stacks/cfi_row.hpp"

namespace vigil::shim::unwind {

// The caller's rip lies at CFA - 8, its rsp is the CFA, and its rbp is either unchanged, or at CFA + rbp_offset, or
// where rbp points.
enum class StepKind : std::uint8_t {
  NoTable,    // no table entry for this pc: only the frame pointer can help
  FromRsp,    // CFA = rsp + offset
  FromRbp,    // CFA = rbp + offset
  AtRbp,      // CFA = the word at rbp + offset (stack realigned by gcc)
  Outermost,  // the table says that there is no caller
  NeedsRow,   // anything else: interpret the row, with all registers
};

// rbp_offset's value for "at rbp + 0", where a function that realigned its stack saves it. No frame saves it at an odd
// place.
inline constexpr std::int64_t kRbpAtRbp = 1;

class UnwindRule {
 public:
  constexpr UnwindRule() noexcept = default;
  explicit constexpr UnwindRule(StepKind kind) noexcept : word_(static_cast<std::uint64_t>(kind)) {}
  // Demands: both offsets fit (fits()); rbp_offset 0: unchanged.
  constexpr UnwindRule(StepKind kind, std::int64_t cfa_offset, std::int64_t rbp_offset) noexcept
      : word_(static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(cfa_offset) & kMask) << 8U |
              (static_cast<std::uint64_t>(rbp_offset) & kMask) << 36U) {}

  static constexpr bool fits(std::int64_t offset) noexcept { return offset >= -kLimit && offset < kLimit; }
  [[nodiscard]] constexpr StepKind kind() const noexcept { return static_cast<StepKind>(word_ & 0xffU); }
  [[nodiscard]] constexpr std::int64_t cfa_offset() const noexcept {
    return static_cast<std::int64_t>(word_ << 28U) >> 36U;
  }
  [[nodiscard]] constexpr std::int64_t rbp_offset() const noexcept { return static_cast<std::int64_t>(word_) >> 36U; }
  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
  static constexpr UnwindRule from_word(std::uint64_t word) noexcept {
    UnwindRule rule;
    rule.word_ = word;
    return rule;
  }

 private:
  static constexpr std::int64_t kLimit = std::int64_t{1} << 27U;  // bytes
  static constexpr std::uint64_t kMask = (std::uint64_t{1} << 28U) - 1;
  std::uint64_t word_ = 0;  // kind 8 bits, CFA offset 28, rbp offset 28
};
static_assert(UnwindRule(StepKind::FromRsp, 4096, -16).cfa_offset() == 4096);
static_assert(UnwindRule(StepKind::FromRsp, -8, -16).cfa_offset() == -8);
static_assert(UnwindRule(StepKind::FromRsp, 4096, -16).rbp_offset() == -16);
static_assert(UnwindRule(StepKind::AtRbp, -8, 0).kind() == StepKind::AtRbp);

// What the tables say about pc. Costs 0.3 to 1 us.
UnwindRule make_rule(std::uintptr_t pc) noexcept;
// The same through a cache of the process; a hit costs about 2 ns. Lock-free.
UnwindRule rule_at(std::uintptr_t pc) noexcept;
// Code has gone, and other code may come to its addresses: nothing cached before counts any more.
void forget_rules() noexcept;

}  // namespace vigil::shim::unwind
