// Halted threads: threads that compute, held for a moment so that what their registers hold can be read.
//
// A process of our own that shares this one's memory attaches to them as a debugger does; only another process may. No
// signal is sent and no handler runs: a thread that is held between two of its instructions notices nothing, and one
// that waits at the runtime's door, for a value in memory (futex), waits on.
//
// Invariants
//   H1  Whoever is halted holds no lock of the shim's: who is found inside the shim is let go, and all is in vain.
//   H2  Nobody is halted for longer than kMostNs, whatever becomes of the thread that asked: the other process lets go
//       by itself then, and release() says so.
//   H3  Nothing of it outlives this process: the kernel kills the other one with the thread that asked.
#pragma once

#include <sys/user.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

class HaltedThreads {
 public:
  static constexpr std::int64_t kMostNs = 250'000'000;
  HaltedThreads() noexcept = default;
  ~HaltedThreads();
  HaltedThreads(const HaltedThreads&) = delete;
  HaltedThreads& operator=(const HaltedThreads&) = delete;

  // All of them, or false and none: one does not run (any more), is inside the shim, or may not be attached to. Demands
  // a helper thread, and that nobody is halted yet. Cost: a tenth of a millisecond and a system call or six for each.
  [[nodiscard]] bool halt(std::span<const int> tids) noexcept;
  // Lets them go on. Whether all of them, if any, were halted until now.
  bool release() noexcept;
  [[nodiscard]] bool are_any() const noexcept { return !threads_.empty(); }
  [[nodiscard]] bool holds(int tid) const noexcept;
  // Of each, where its stack pointer stands.
  [[nodiscard]] OwnVector<std::uintptr_t> stack_pointers() const noexcept;
  // Calls visit(span of words, where they lie) for what the registers of each hold, the wide ones included.
  template <class Visit>
  void each_registers(Visit&& visit) const noexcept {
    for (const Halted& one : threads_) {
      visit(words_of(&one.registers, sizeof(one.registers)), reinterpret_cast<std::uintptr_t>(&one.registers));
      visit(words_of(one.wide.data(), one.wide_bytes), reinterpret_cast<std::uintptr_t>(one.wide.data()));
    }
  }

 private:
  // Of the processor's own layout of what it saves, which ends with AVX-512 and protection keys: 2696 bytes. What may
  // come after (tiles of matrices) is no place for a pointer.
  static constexpr std::size_t kWideBytes = 4096;
  struct Halted {
    int tid = 0;
    int signal_number = 0;  // that was about to be delivered when it stopped
    bool stopped = false;
    user_regs_struct registers{};
    alignas(8) std::array<char, kWideBytes> wide{};
    std::size_t wide_bytes = 0;
  };
  // How far the other process is; a futex word.
  enum State : std::uint32_t {
    kMade,  // it may not begin yet
    kAsked,
    kHalted,    // all are
    kFailed,    // none is
    kReleased,  // by whoever asked
    kExpired,   // by itself
  };

  static std::span<const std::uintptr_t> words_of(const void* at, std::size_t bytes) noexcept {
    return {static_cast<const std::uintptr_t*>(at), bytes / sizeof(std::uintptr_t)};
  }
  // ---- in the other process: no libc, and none of this thread's locks ----
  static int run(void* self) noexcept;
  void halt_all() noexcept;
  static bool attach(Halted& one) noexcept;
  static bool await_stop(Halted& one, std::int64_t until_ns) noexcept;
  static bool read_registers(Halted& one) noexcept;
  void let_all_go() noexcept;

  OwnVector<Halted> threads_;
  std::atomic<std::uint32_t> state_{kMade};
  int process_ = 0;
  std::int64_t until_ns_ = 0;  // of the steady clock
  void* stack_ = nullptr;
};

}  // namespace vigil::shim::leaks
