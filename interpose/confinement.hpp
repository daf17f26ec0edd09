// What the program has forbidden itself: a seccomp filter for which the kernel kills who makes another call than a few.
// The end of the program makes calls of the shim's own, so it asks here first, and leaves out what would get a program
// killed that ends in peace without us.
//
// Invariants:
//   I1  Only filters that the program installs through libc are known (prctl, syscall); those it was started under are
//       not, and are the usual case in containers, where they refuse with an error and kill nobody.
//   I2  An answer is kept, not the filter: it is found right after the filter was installed, without any call.
//   I3  A filter holds for the thread that installed it and those it starts later, or for all.
#pragma once

#include <cstdint>
#include <span>

struct sock_filter;
struct sock_fprog;

namespace vigil::shim::confinement {

// Whether the filter lets this call of the machine's own kind through (or refuses it with an error) whatever its
// arguments are. Of filters too involved to say, it says no. Cost: O(length of the filter), no calls, no allocation.
[[nodiscard]] bool lets_pass(std::span<const sock_filter> filter, std::uint32_t number) noexcept;

// After the program has installed it. null: strict mode, in which next to nothing may be called.
void installed(const sock_fprog* filter, bool for_all_threads) noexcept;

// Whether this thread would be killed for what the end of the program does; for as much as writing the last record.
[[nodiscard]] bool forbids_the_end() noexcept;
[[nodiscard]] bool forbids_the_last_record() noexcept;

// Of this thread, for those that it starts: the kernel confines them, too.
[[nodiscard]] unsigned here() noexcept;
// On a new thread, before it makes a call of the shim's: its creator's.
void inherit(unsigned creator) noexcept;

// Whether it would be killed for asking what a descriptor is.
[[nodiscard]] bool forbids_looks() noexcept;

}  // namespace vigil::shim::confinement
