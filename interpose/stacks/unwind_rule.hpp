// UnwindRule: a CfiRow in one word, for the nine hundred and ninety-nine of a thousand frames that need no more.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
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

// What the tables say about pc. Costs 0.2 to 1 us.
UnwindRule make_rule(std::uintptr_t pc) noexcept;

// The process's cache of rules: a direct-mapped array of (key, rule) pairs without locks. The key is pc xor rule xor
// the generation, so a pair torn by two writers, or of an older generation, never matches the pc it is looked up with.
class RuleCache {
 public:
  constexpr RuleCache() noexcept = default;

  UnwindRule at(std::uintptr_t pc) noexcept {
    Slot& slot = slots_[(pc * 0x9E3779B97F4A7C15U) >> (64U - kBits)];
    const std::uint64_t salt = generation_.load(std::memory_order_relaxed) << 48U;
    const std::uint64_t rule = slot.rule.load(std::memory_order_relaxed);
    if ((slot.key.load(std::memory_order_relaxed) ^ rule ^ salt) == pc) [[likely]]
      return UnwindRule::from_word(rule);
    return fill(slot, pc, salt);
  }
  // Code has gone, and other code may come to its addresses: nothing cached before counts any more.
  void forget() noexcept { generation_.fetch_add(1, std::memory_order_relaxed); }

 private:
  struct Slot {
    // relaxed, both: the key's check needs no order between the two words.
    std::atomic<std::uint64_t> key{0};
    std::atomic<std::uint64_t> rule{0};
  };
  static UnwindRule fill(Slot& slot, std::uintptr_t pc, std::uint64_t salt) noexcept;

  static constexpr unsigned kBits =
      14;  // 256 KiB of zero pages; a large program touches a few thousand return addresses
  std::array<Slot, std::size_t{1} << kBits> slots_{};
  std::atomic<std::uint64_t> generation_{1};  // relaxed: a dlclose orders itself before later use of the addresses
};

extern constinit RuleCache rule_cache;

}  // namespace vigil::shim::unwind
