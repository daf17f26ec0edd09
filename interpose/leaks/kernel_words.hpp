// Kernel words: pointers of the program's that only the kernel has, to be given back when something happens.
//
// Read are the data of each epoll descriptor's entries, the values of POSIX timers, which /proc shows, and files that
// are memory: those without a name (memfd_create(), O_TMPFILE, unlinked) and in /dev/shm, which a descriptor can read
// and write, mapped or not. Bytes that lie in a pipe or a Unix socket are not shown, nor messages in queues (POSIX's
// and System V's), nor values of signals that wait, nor System V's shared memory that is not attached: while there are
// some that this process may have sent or written, nothing is known. Nor is it where the kernel keeps pointers and does
// not show them: io_uring, kernel AIO, values of timers without /proc/self/timers.
#pragma once

#include <cstdint>
#include <span>

namespace vigil::shim::leaks {

// Calls visit(span of words, place) for what is found; the place is no address, but pieces of one file follow each
// other. False: there may be more.
using WordVisitor = void (*)(std::span<const std::uintptr_t> words, std::uintptr_t place, void* context);
[[nodiscard]] bool each_kernel_word(WordVisitor visit, void* context) noexcept;

// The program makes a POSIX timer: from now on it matters whether the kernel shows them.
void posix_timer_made() noexcept;

}  // namespace vigil::shim::leaks
