// Wrappers of what makes copies of descriptors, and of the locks of files and streams that threads keep each other out
// with. fcntl()'s older locks (F_SETLK, lockf) are the process's and keep no thread of it out.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdio>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/real_function.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

constinit Real<int(int)> real_dup("dup");
constinit Real<int(int, int)> real_dup2("dup2");
constinit Real<int(int, int, int)> real_dup3("dup3");
constinit Real<int(int, int, ...)> real_fcntl("fcntl");
constinit Real<int(int, const sigset_t*, int)> real_signalfd("signalfd");
constinit Real<int(int, int)> real_flock("flock");
constinit Real<void(FILE*)> real_flockfile("flockfile");
constinit Real<int(FILE*)> real_ftrylockfile("ftrylockfile");
constinit Real<void(FILE*)> real_funlockfile("funlockfile");

int noted(int original, int copy) noexcept {
  if (copy >= 0) descriptors::copied(original, copy);
  return copy;
}

// The lock that the command takes or gives back: it belongs to whoever opened the file, so threads use it, too.
int lock_part_of_file(int file, int command, const struct flock* wanted) {
  const void* const lock = descriptors::lock_of(file);
  const short type = wanted->l_type;
  // A lock for writing may become one for reading.
  if (type != F_WRLCK) descriptors::gives_lock_back(lock);
  const int rc = real_fcntl(file, command, wanted);
  if (rc == 0 && type != F_UNLCK) descriptors::takes_lock(lock);
  return rc;
}

// Whatever the command takes, it is passed in the same place.
int control(int file, int command, void* given) {
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return noted(file, real_fcntl(file, command, given));
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return lock_part_of_file(file, command, static_cast<const struct flock*>(given));
    default:
      return real_fcntl(file, command, given);
  }
}

}  // namespace

extern "C" VIGIL_EXPORT int dup(int file) noexcept { return noted(file, real_dup(file)); }
extern "C" VIGIL_EXPORT int dup2(int file, int copy) noexcept { return noted(file, real_dup2(file, copy)); }
extern "C" VIGIL_EXPORT int dup3(int file, int copy, int flags) noexcept {
  return noted(file, real_dup3(file, copy, flags));
}
extern "C" VIGIL_EXPORT int fcntl(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const given = va_arg(rest, void*);
  va_end(rest);
  return control(file, command, given);
}
extern "C" VIGIL_EXPORT int fcntl64(int file, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const given = va_arg(rest, void*);
  va_end(rest);
  return control(file, command, given);
}
extern "C" VIGIL_EXPORT int signalfd(int file, const sigset_t* mask, int flags) noexcept {
  descriptors::signals_are_read();
  return real_signalfd(file, mask, flags);
}

// Given back by LOCK_UN, by close() and, as a lock for writing becomes one for reading, by LOCK_SH.
extern "C" VIGIL_EXPORT int flock(int file, int operation) noexcept {
  const void* const lock = descriptors::lock_of(file);
  if ((operation & (LOCK_UN | LOCK_SH)) != 0) descriptors::gives_lock_back(lock);
  const int rc = real_flock(file, operation);
  if (rc == 0 && (operation & LOCK_UN) == 0) descriptors::takes_lock(lock);
  return rc;
}

// A stream's own lock, for several operations at once. What libc does inside one operation is its own.
extern "C" VIGIL_EXPORT void flockfile(FILE* stream) noexcept {
  real_flockfile(stream);
  if (descriptors::matter()) sync_events::acquired(stream);
}
extern "C" VIGIL_EXPORT int ftrylockfile(FILE* stream) noexcept {
  const int rc = real_ftrylockfile(stream);
  if (rc == 0 && descriptors::matter()) sync_events::acquired(stream);
  return rc;
}
extern "C" VIGIL_EXPORT void funlockfile(FILE* stream) noexcept {
  if (descriptors::matter()) sync_events::released(stream);
  real_funlockfile(stream);
}
