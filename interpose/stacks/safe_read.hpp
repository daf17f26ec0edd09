// StackWindow: where a stack walk may read. A walk follows tables that others wrote; a wrong one must never crash the
// program.
//
// A window is given (a parked task's bounds) or grows: from the page of the stack pointer upwards, each further page
// asked for at the kernel once. The grown window of a thread is remembered, so a walk on the same stack asks nothing.
#pragma once

#include <cstdint>

namespace vigil::shim::unwind {

class StackWindow {
 public:
  // Fixed: [low, high), readable for certain.
  StackWindow(std::uintptr_t low, std::uintptr_t high) noexcept : low_(low), high_(high) {}
  // The calling thread's current stack, on which stack_pointer lies.
  explicit StackWindow(std::uintptr_t stack_pointer) noexcept;

  // The word at address, if it may be read. The usual case is two comparisons.
  bool read(std::uintptr_t address, std::uint64_t& value) noexcept {
    if (address < low_ || address > high_ - sizeof(value)) [[unlikely]] {
      if (!grow(address)) return false;
    }
    value = *reinterpret_cast<const std::uint64_t*>(address);
    return true;
  }

  // The walk goes on at another place (a signal's stack is left): a growing window begins anew there, if it must.
  void follow(std::uintptr_t stack_pointer) noexcept;

 private:
  bool grow(std::uintptr_t address) noexcept;

  std::uintptr_t low_;
  std::uintptr_t high_;
  bool may_grow_ = false;
};

// Whether the kernel can read the 8 bytes at address, which is aligned to 8.
bool is_readable(std::uintptr_t address) noexcept;

}  // namespace vigil::shim::unwind
