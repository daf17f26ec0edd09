// Wrapper of syscall(), by which std::atomic's wait(), latch, barrier and counting_semaphore, futures, the
// initialisation of static variables and many locks of other makers have the kernel put a thread to sleep until another
// wakes it. Such a wait without a time limit is a wait for others; everything else is passed on as it is.
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstdarg>

#include "interpose/confinement.hpp"
#include "interpose/export.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/real_calls.hpp"
#include "interpose/stacks/modules.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim;  // the wrapper stands outside every namespace

namespace {

// Found by itself: a malloc library may come here before it can allocate, and a name that is not found allocates.
constinit std::atomic<long (*)(long, ...)> real_syscall{nullptr};

// The arguments of a futex wait: word, operation, value, timeout; none of the others says whether it may end by itself.
bool waits_for_ever(long number, const long (&arguments)[6]) noexcept {
  if (number != SYS_futex || arguments[3] != 0) return false;
  const long command = arguments[1] & FUTEX_CMD_MASK;
  return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

// A lock that the kernel hands from one to the next (priority inheritance): nobody reads from the word who had it. What
// its holders do to the word by atomics of their own is seen as such.
bool is_lock_of_the_kernel(long number, const long (&arguments)[6]) noexcept {
  if (number != SYS_futex) return false;
  const long command = arguments[1] & FUTEX_CMD_MASK;
  return command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_TRYLOCK_PI ||
         command == FUTEX_UNLOCK_PI;
}

template <class PassOn>
long lock_of_the_kernel(const long (&arguments)[6], PassOn&& pass_on) noexcept {
  const auto word = static_cast<std::uintptr_t>(arguments[0]);
  const bool gives_back = (arguments[1] & FUTEX_CMD_MASK) == FUTEX_UNLOCK_PI;
  if (gives_back) race::atomics::released_into(word, sizeof(std::uint32_t));
  const long result = pass_on();
  if (!gives_back && result == 0) race::atomics::acquired_from(word, sizeof(std::uint32_t));
  return result;
}

// Whether the program has confined itself (wrap_confinement.cpp has the other way). A result above 0 is the descriptor
// that listens to a filter, or a thread for which a filter for all could not be installed, which then holds for nobody.
void note_confinement(long number, const long (&arguments)[6], long result) noexcept {
  const bool by_seccomp = number == SYS_seccomp;
  const auto flags = static_cast<unsigned long>(arguments[1]);
  if (result != 0 && (!by_seccomp || result < 0 || (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0)) return;
  if (!by_seccomp && (number != SYS_prctl || arguments[0] != PR_SET_SECCOMP)) return;
  const bool is_filter = by_seccomp ? arguments[0] == SECCOMP_SET_MODE_FILTER : arguments[1] == SECCOMP_MODE_FILTER;
  if (!is_filter && by_seccomp && arguments[0] != SECCOMP_SET_MODE_STRICT) return;
  const bool for_all = by_seccomp && (flags & SECCOMP_FILTER_FLAG_TSYNC) != 0;
  confinement::installed(is_filter ? reinterpret_cast<const sock_fprog*>(arguments[2]) : nullptr, for_all);
}

// The runtime says itself, in more words, who is parked in one of its primitives.
bool is_told_otherwise(const void* caller) noexcept {
  return runtime_code.holds(reinterpret_cast<std::uintptr_t>(caller));
}

}  // namespace

extern "C" VIGIL_EXPORT long syscall(long number, ...) noexcept {
  // As libc's does: all that there may be is passed on, whatever the call takes.
  long arguments[6];
  va_list given;
  va_start(given, number);
  for (long& argument : arguments) argument = va_arg(given, long);
  va_end(given);
  const auto pass_on = [&] {
    return find_once(find_next, real_syscall, "syscall")(number, arguments[0], arguments[1], arguments[2], arguments[3],
                                                         arguments[4], arguments[5]);
  };
  if (is_lock_of_the_kernel(number, arguments)) return lock_of_the_kernel(arguments, pass_on);
  if (!waits_for_ever(number, arguments) || !sync_events::watching() ||
      is_told_otherwise(__builtin_return_address(0))) {
    const long result = pass_on();
    note_confinement(number, arguments, result);
    return result;
  }
  const bool is_private = (arguments[1] & FUTEX_PRIVATE_FLAG) != 0;
  // Whether another process can reach a word that is not said to be private is asked when it matters.
  BlockedScope blocked(is_private ? CallKind::Word : CallKind::OpenWord, static_cast<std::uintptr_t>(arguments[0]),
                       true);
  return pass_on();
}
