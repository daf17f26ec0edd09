#include "runtime/src/futex.hpp"

#include <cerrno>

namespace vigil::detail {

void futex_wait(FutexWord& word, std::uint32_t seen, std::uint64_t deadline_ns) noexcept {
  const int saved_errno = errno;
  timespec deadline{};
  if (deadline_ns != kNoDeadline) {
    deadline.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000U);
    deadline.tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000U);
  }
  // WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC; plain WAIT would take a relative one.
  ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, seen, deadline_ns == kNoDeadline ? nullptr : &deadline,
            nullptr, FUTEX_BITSET_MATCH_ANY);
  errno = saved_errno;
}

void futex_wake(FutexWord& word, int how_many) noexcept {
  const int saved_errno = errno;
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, how_many, nullptr, nullptr, 0);
  errno = saved_errno;
}

}  // namespace vigil::detail
