// Wrapper of prctl(), by which a program confines itself. syscall(SYS_seccomp) has its wrapper in wrap_syscall.cpp.
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstdarg>

#include "interpose/confinement.hpp"
#include "interpose/export.hpp"
#include "interpose/real_calls.hpp"

using namespace vigil::shim;  // the wrapper stands outside every namespace

namespace {
constinit std::atomic<int (*)(int, ...)> real_prctl{nullptr};
}

extern "C" VIGIL_EXPORT int prctl(int option, ...) noexcept {
  // As libc's does: all that there may be is passed on, whatever the option takes.
  unsigned long arguments[4];
  va_list given;
  va_start(given, option);
  for (unsigned long& argument : arguments) argument = va_arg(given, unsigned long);
  va_end(given);
  const int result =
      find_once(find_next, real_prctl, "prctl")(option, arguments[0], arguments[1], arguments[2], arguments[3]);
  if (option == PR_SET_SECCOMP && result == 0) {
    const bool is_filter = arguments[0] == SECCOMP_MODE_FILTER;
    confinement::installed(is_filter ? reinterpret_cast<const sock_fprog*>(arguments[1]) : nullptr, false);
  }
  return result;
}
