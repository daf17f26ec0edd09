// Sleeping on a word, and waking who sleeps there.
#pragma once

#include <atomic>
#include <climits>
#include <cstdint>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/src/clock.hpp"

namespace vigil::detail {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

// Sleeps while word == seen, until woken, until deadline_ns on the steady clock (kNoDeadline: without end), or for no
// reason at all: the caller looks again. Keeps errno, which belongs to the program.
void futex_wait(FutexWord& word, std::uint32_t seen, std::uint64_t deadline_ns = kNoDeadline) noexcept;
void futex_wake(FutexWord& word, int how_many) noexcept;
inline void futex_wake_all(FutexWord& word) noexcept { futex_wake(word, INT_MAX); }

}  // namespace vigil::detail
