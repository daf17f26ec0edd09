// Naps: threads that sleep for a time in a wrapped call, with their caller's registers saved in memory.
//
// Such a thread is awake for whoever asks what the program waits for: a clock ends its sleep. But who searches memory
// for a handle (leaks/proof.hpp) sees all that it has while it sleeps.
#pragma once

#include <cstdint>

namespace vigil::shim {

// For the time of one sleep. Costs a few stores; takes no lock.
class Nap {
 public:
  [[gnu::always_inline]] Nap() noexcept {
    // Those that a call preserves; the wrapper whose frame this is has pushed what it changed itself.
    asm volatile(
        "mov %%rbx, 0(%0)\n\tmov %%rbp, 8(%0)\n\tmov %%r12, 16(%0)\n\tmov %%r13, 24(%0)\n\t"
        "mov %%r14, 32(%0)\n\tmov %%r15, 40(%0)"
        :
        : "r"(registers_)
        : "memory");
    begin();
  }
  ~Nap() { end(); }
  Nap(const Nap&) = delete;
  Nap& operator=(const Nap&) = delete;

 private:
  void begin() noexcept;
  void end() noexcept;

  std::uint64_t registers_[6] = {};
  std::uint64_t mark_ = 0;
};

// Which nap that thread takes, a number that no other has; 0: none that is known. A nap that was left by a long jump
// may still be shown: ask the kernel as well what the thread does (kernel_naps).
std::uint64_t nap_of(int tid) noexcept;
// Whether a task took it, and not the runtime's own loop on the same thread.
bool is_nap_of_task(std::uint64_t nap) noexcept;

}  // namespace vigil::shim
