#include "interpose/stacks/unwind.hpp"

#include <dlfcn.h>

#include "interpose/stacks/cfi_expression.hpp"
#include "interpose/stacks/cfi_row.hpp"

namespace vigil::shim::unwind::detail {
namespace {

// rbp is trusted as a frame pointer only this far up the stack.
constexpr std::uint64_t kMostFrame = 1U << 20U;

bool is_code(std::uintptr_t pc) noexcept {
  dl_find_object module{};
  return _dl_find_object(reinterpret_cast<void*>(pc), &module) == 0;
}

}  // namespace

// Code without a table (made at run time, or assembly): if it kept a frame pointer, that leads on. What it leads to
// must look like a frame, since nothing vouches for rbp here.
bool step_by_frame_pointer(Frame& frame, StackWindow& stack) noexcept {
  const std::uint64_t at = frame.rbp;
  if (at < frame.rsp || at - frame.rsp > kMostFrame) return false;
  std::uint64_t rbp = 0;
  std::uint64_t rip = 0;
  if (!read_word(stack, at, rbp) || !read_word(stack, at + 8, rip) || !is_code(rip)) return false;
  frame = {rip, at + 16, rbp};
  return true;
}

bool step_by_row(std::uintptr_t pc, Registers& frame, StackWindow& stack, bool& interrupted) noexcept {
  CfiRow row;
  Registers caller;
  interrupted = false;
  if (!find_row(pc, row)) {
    Frame plain{frame.get(Reg::Rip), frame.get(Reg::Rsp), frame.get(Reg::Rbp)};
    if (!frame.knows(static_cast<std::size_t>(Reg::Rbp)) || !step_by_frame_pointer(plain, stack)) return false;
    frame.set(Reg::Rip, plain.rip);
    frame.set(Reg::Rsp, plain.rsp);
    frame.set(Reg::Rbp, plain.rbp);
    return true;
  }
  if (!apply_row(row, frame, stack, caller)) return false;
  if (!caller.knows(static_cast<std::size_t>(Reg::Rip)) || caller.get(Reg::Rip) == 0) return false;
  // A signal may run on a stack of its own, above or below the interrupted one; any other step leads upwards.
  if (!row.is_signal_frame && caller.get(Reg::Rsp) <= frame.get(Reg::Rsp)) return false;
  if (row.is_signal_frame) stack.follow(caller.get(Reg::Rsp));
  interrupted = row.is_signal_frame;
  frame = caller;
  return true;
}

}  // namespace vigil::shim::unwind::detail
