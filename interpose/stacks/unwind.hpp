// Walking a stack: from registers outwards, frame by frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/stacks/cfi_expression.hpp"
#include "interpose/stacks/registers.hpp"
#include "interpose/stacks/safe_read.hpp"
#include "interpose/stacks/unwind_rule.hpp"

namespace vigil::shim::unwind {

// Walks from `start` (which knows at least rip, rsp, rbp) and hands each frame's pc to visit, innermost first: start's
// rip as it is, then pcs inside the call instructions. Ends when visit says false, at the outermost frame, or where the
// stack cannot be followed further. Writes nothing; reads only what `stack` allows.
//
// The usual frames cost a cache hit and one or two reads each. A frame that needs more than rsp and rbp (a signal's,
// hand-written assembly) makes the walk begin anew with all registers, so visit sees restarted() first. A visitor with
// a function returns_by() is told where each frame's return address lay, as long as the walk has not begun anew.
template <class Visitor>
void walk(const Registers& start, StackWindow& stack, Visitor& visitor) noexcept;

namespace detail {

struct Frame {
  std::uint64_t rip;
  std::uint64_t rsp;
  std::uint64_t rbp;
};

enum class Step : std::uint8_t { Moved, End, NeedsRow };

// For code without a table.
bool step_by_frame_pointer(Frame& frame, StackWindow& stack) noexcept;

// One step by the cached rule for pc.
inline Step step_by_rule(std::uintptr_t pc, Frame& frame, StackWindow& stack) noexcept {
  const UnwindRule rule = rule_cache.at(pc);
  std::uint64_t cfa = 0;
  switch (rule.kind()) {
    case StepKind::FromRsp:
      cfa = frame.rsp + static_cast<std::uint64_t>(rule.cfa_offset());
      break;
    case StepKind::FromRbp:
      cfa = frame.rbp + static_cast<std::uint64_t>(rule.cfa_offset());
      break;
    case StepKind::AtRbp:
      if (!read_word(stack, frame.rbp + static_cast<std::uint64_t>(rule.cfa_offset()), cfa)) return Step::End;
      break;
    case StepKind::NoTable:
      return step_by_frame_pointer(frame, stack) ? Step::Moved : Step::End;
    case StepKind::Outermost:
      return Step::End;
    case StepKind::NeedsRow:
      return Step::NeedsRow;
  }
  // Outwards is upwards: this, with the bound on steps, is why a walk ends.
  if (cfa <= frame.rsp) return Step::End;
  std::uint64_t rip = 0;
  if (!read_word(stack, cfa - 8, rip) || rip == 0) return Step::End;
  if (rule.rbp_offset() != 0) {
    const std::uint64_t at =
        rule.rbp_offset() == kRbpAtRbp ? frame.rbp : cfa + static_cast<std::uint64_t>(rule.rbp_offset());
    if (!read_word(stack, at, frame.rbp)) return Step::End;
  }
  frame.rip = rip;
  frame.rsp = cfa;
  return Step::Moved;
}

// One step by the full row. interrupted: the frame we came to was not left by a call, its rip is exact.
bool step_by_row(std::uintptr_t pc, Registers& frame, StackWindow& stack, bool& interrupted) noexcept;

}  // namespace detail

inline constexpr std::size_t kMostSteps = 4096;  // a walk's bound; what is further out is cut off

template <class Visitor>
void walk(const Registers& start, StackWindow& stack, Visitor& visitor) noexcept {
  detail::Frame frame{start.get(Reg::Rip), start.get(Reg::Rsp), start.get(Reg::Rbp)};
  std::uintptr_t pc = frame.rip;
  for (std::size_t steps = 0; steps < kMostSteps; ++steps) {
    if (!visitor.visit(pc)) return;
    const detail::Step step = detail::step_by_rule(pc, frame, stack);
    if (step == detail::Step::End) return;
    if (step == detail::Step::NeedsRow) break;
    pc = frame.rip - 1;
    if constexpr (requires { visitor.returns_by(frame.rsp, frame.rip); }) visitor.returns_by(frame.rsp - 8, frame.rip);
    if (steps + 1 == kMostSteps) return;
  }

  visitor.restarted();
  Registers all = start;
  pc = start.get(Reg::Rip);
  for (std::size_t steps = 0; steps < kMostSteps; ++steps) {
    if (!visitor.visit(pc)) return;
    bool interrupted = false;
    if (!detail::step_by_row(pc, all, stack, interrupted)) return;
    pc = interrupted ? all.get(Reg::Rip) : all.get(Reg::Rip) - 1;
  }
}

// The caller's own registers, as they are where this is expanded.
[[gnu::always_inline]] inline Registers current_registers() noexcept {
  Registers here;
  std::uint64_t rip = 0;
  std::uint64_t rsp = 0;
  std::uint64_t rbp = 0;
  std::uint64_t rbx = 0;
  std::uint64_t r12 = 0;
  std::uint64_t r13 = 0;
  std::uint64_t r14 = 0;
  std::uint64_t r15 = 0;
  asm volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2\n\tmov %%rbx, %3"
               : "=&r"(rip), "=&r"(rsp), "=&r"(rbp), "=&r"(rbx));
  asm volatile("mov %%r12, %0\n\tmov %%r13, %1\n\tmov %%r14, %2\n\tmov %%r15, %3"
               : "=&r"(r12), "=&r"(r13), "=&r"(r14), "=&r"(r15));
  here.set(Reg::Rip, rip);
  here.set(Reg::Rsp, rsp);
  here.set(Reg::Rbp, rbp);
  here.set(Reg::Rbx, rbx);
  here.set(Reg::R12, r12);
  here.set(Reg::R13, r13);
  here.set(Reg::R14, r14);
  here.set(Reg::R15, r15);
  return here;
}

}  // namespace vigil::shim::unwind
