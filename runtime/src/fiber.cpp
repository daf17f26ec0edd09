#include "runtime/src/fiber.hpp"

#include <cstdint>
#include <cstring>

#include <cxxabi.h>

namespace vigil::detail {

#if defined(__x86_64__)
// Layout of jump_x86_64_sysv_elf_gas of Boost 1.74 (read from its disassembly; test/runtime/fiber_test.cpp holds it):
// mxcsr and x87 control word, r12, r13, r14, r15, rbx, rbp, return address; the stack pointer is behind that.
vigil_probe_registers registers_of(SavedContext context) noexcept {
  std::uint64_t saved[8];
  std::memcpy(saved, context, sizeof saved);
  return {.rip = saved[7],
          .rsp = reinterpret_cast<std::uint64_t>(context) + sizeof saved,
          .rbp = saved[6],
          .rbx = saved[5],
          .r12 = saved[1],
          .r13 = saved[2],
          .r14 = saved[3],
          .r15 = saved[4]};
}
#else
#error "vigil knows the saved registers of x86-64 only"
#endif

ExceptionState* exception_state_of_this_thread() noexcept {
  return reinterpret_cast<ExceptionState*>(__cxxabiv1::__cxa_get_globals());
}

}  // namespace vigil::detail
