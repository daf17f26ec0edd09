// The edges of a thread's life: from its first instruction until the shim knows whose Actor it is, and from where its
// Actor has ended until it is gone. A signal handler that ran there would act as an actor that nobody has started:
// nothing of its creator's would be ordered before it, and nothing of it before what the thread goes on to do. So no
// signal comes there. Faults do, and so do the two that libc sends to its own threads.
//
// glibc keeps all signals out of the first steps of its own for the same reason; these join on to that.
#pragma once

#include <sys/syscall.h>

#include <csignal>
#include <cstdint>

#include "interpose/raw_syscall.hpp"

namespace vigil::shim::thread_edges {

inline std::uint64_t block_signals() noexcept {
  std::uint64_t all = ~std::uint64_t{0};
  constexpr int kCancellation = 32;
  constexpr int kSetUserOfAllThreads = 33;
  for (const int kept :
       {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT, kCancellation, kSetUserOfAllThreads}) {
    all &= ~(std::uint64_t{1} << (kept - 1));
  }
  std::uint64_t before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before), 8);
  return before;
}

inline void restore_signals(std::uint64_t before) noexcept {
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before), 0, 8);
}

}  // namespace vigil::shim::thread_edges
