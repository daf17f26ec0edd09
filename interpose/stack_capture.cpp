#include "interpose/stack_capture.hpp"

#include <algorithm>
#include <array>

#include "interpose/stacks/modules.hpp"
#include "interpose/stacks/unwind.hpp"

namespace vigil::shim {
namespace {

constexpr std::size_t kInnermost = 96;
constexpr std::size_t kOutermost = kMaxFrames - kInnermost;

// What a walk visits, without the shim's own frames: the innermost 96, and of the rest the outermost 32. Of the
// runtime's frames at the inner end only the outermost is kept, the one that the program called: how the runtime got
// from there to the event differs from time to time, and one place in the program is to be one stack.
class Frames {
 public:
  // skip: this many visited frames do not count (the capturing function, where its code does not tell it as the
  // shim's).
  explicit Frames(std::size_t skip) noexcept : skip_(skip), skip_left_(skip) {}

  bool visit(std::uintptr_t pc) noexcept {
    if (skip_left_ != 0) {
      --skip_left_;
      return true;
    }
    if (shim_code.holds(pc)) return true;
    if (seen_ <= 1 && in_runtime_) {
      in_runtime_ = runtime_code.holds(pc);
      if (in_runtime_) seen_ = 0;
    }
    const std::size_t place = seen_ < kInnermost ? seen_ : kInnermost + (seen_ - kInnermost) % kOutermost;
    frames_[place] = pc;
    ++seen_;
    return true;
  }
  void restarted() noexcept {
    seen_ = 0;
    in_runtime_ = true;
    skip_left_ = skip_;
  }
  std::span<const std::uintptr_t> in_order() noexcept {
    if (seen_ > kMaxFrames) {
      const auto oldest = static_cast<std::ptrdiff_t>((seen_ - kInnermost) % kOutermost);
      const auto outer = frames_.begin() + static_cast<std::ptrdiff_t>(kInnermost);
      std::rotate(outer, outer + oldest, frames_.end());
    }
    return std::span(frames_).first(std::min(seen_, kMaxFrames));
  }

 private:
  const std::size_t skip_;
  std::size_t skip_left_;
  std::size_t seen_ = 0;
  bool in_runtime_ = true;                         // every frame so far was the runtime's
  std::array<std::uintptr_t, kMaxFrames> frames_;  // not cleared: a kilobyte, on the hot path
};

}  // namespace

[[gnu::noinline]] StackId capture_stack() noexcept {
  const unwind::Registers here = unwind::current_registers();
  unwind::StackWindow stack(here.get(unwind::Reg::Rsp));
  Frames frames(1);
  unwind::walk(here, stack, frames);
  return intern_stack(frames.in_order());
}

StackId capture_parked(const vigil_probe_registers& saved, std::uintptr_t stack_low,
                       std::uintptr_t stack_high) noexcept {
  using unwind::Reg;
  unwind::Registers start;
  start.set(Reg::Rip, saved.rip);
  start.set(Reg::Rsp, saved.rsp);
  start.set(Reg::Rbp, saved.rbp);
  start.set(Reg::Rbx, saved.rbx);
  start.set(Reg::R12, saved.r12);
  start.set(Reg::R13, saved.r13);
  start.set(Reg::R14, saved.r14);
  start.set(Reg::R15, saved.r15);
  if (saved.rsp < stack_low || saved.rsp >= stack_high) return kNoStack;
  unwind::StackWindow stack(stack_low, stack_high);
  Frames frames(0);
  unwind::walk(start, stack, frames);
  return intern_stack(frames.in_order());
}

}  // namespace vigil::shim
