#include "interpose/stacks/callers_frame.hpp"

#include "interpose/stacks/unwind_rule.hpp"

namespace vigil::shim::unwind {

std::uintptr_t end_of_callers_frame(std::uintptr_t frame) noexcept {
  // The frame pointer that was saved, and the return address, as every function with a frame pointer begins.
  const auto* const saved = reinterpret_cast<const std::uintptr_t*>(frame);
  const UnwindRule rule = make_rule(saved[1] - 1);
  if (rule.kind() != StepKind::FromRsp) return frame;
  const auto stack_pointer = reinterpret_cast<std::uintptr_t>(saved + 2);  // the caller's, after the call
  return stack_pointer + static_cast<std::uintptr_t>(rule.cfa_offset());
}

}  // namespace vigil::shim::unwind
