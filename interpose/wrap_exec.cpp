// exec: the image is replaced, so what is known must be in the record before. A wrapper that gets to its last line
// failed, and the run goes on. Between vfork() and exec these run in a child that shares our memory: before_exec() then
// does nothing.
#include <stdarg.h>
#include <unistd.h>

#include <cstddef>

#include "interpose/end.hpp"
#include "interpose/export.hpp"
#include "interpose/real_calls.hpp"

namespace vigil::shim {

namespace {

std::size_t count_arguments(va_list list) noexcept {
  std::size_t count = 1;  // the first is named
  while (va_arg(list, const char*) != nullptr) ++count;
  return count;
}

// The arguments of an execl into an array of count + 1; the environment behind their null, for execle.
void gather(const char* first, va_list list, char** out, std::size_t count) noexcept {
  out[0] = const_cast<char*>(first);
  for (std::size_t i = 1; i <= count; ++i) out[i] = va_arg(list, char*);
}

}  // namespace

extern "C" VIGIL_EXPORT int execve(const char* path, char* const arguments[], char* const environment[]) noexcept {
  before_exec();
  return real_process().execve(path, arguments, environment);
}
extern "C" VIGIL_EXPORT int execv(const char* path, char* const arguments[]) noexcept {
  before_exec();
  return real_process().execv(path, arguments);
}
extern "C" VIGIL_EXPORT int execvp(const char* file, char* const arguments[]) noexcept {
  before_exec();
  return real_process().execvp(file, arguments);
}
extern "C" VIGIL_EXPORT int execvpe(const char* file, char* const arguments[], char* const environment[]) noexcept {
  before_exec();
  return real_process().execvpe(file, arguments, environment);
}
extern "C" VIGIL_EXPORT int fexecve(int fd, char* const arguments[], char* const environment[]) noexcept {
  before_exec();
  return real_process().fexecve(fd, arguments, environment);
}
extern "C" VIGIL_EXPORT int execveat(int folder, const char* path, char* const arguments[], char* const environment[],
                                     int flags) noexcept {
  before_exec();
  return real_process().execveat(folder, path, arguments, environment, flags);
}

// The array lies on the stack: nothing may be allocated between vfork and exec.
extern "C" VIGIL_EXPORT int execl(const char* path, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  const std::size_t count = count_arguments(list);
  va_end(list);
  auto** const arguments = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*)));
  va_start(list, first);
  gather(first, list, arguments, count);
  va_end(list);
  return execv(path, arguments);
}
extern "C" VIGIL_EXPORT int execlp(const char* file, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  const std::size_t count = count_arguments(list);
  va_end(list);
  auto** const arguments = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*)));
  va_start(list, first);
  gather(first, list, arguments, count);
  va_end(list);
  return execvp(file, arguments);
}
extern "C" VIGIL_EXPORT int execle(const char* path, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  const std::size_t count = count_arguments(list);
  va_end(list);
  auto** const arguments = static_cast<char**>(__builtin_alloca((count + 1) * sizeof(char*)));
  va_start(list, first);
  gather(first, list, arguments, count);
  auto** const environment = va_arg(list, char**);
  va_end(list);
  return execve(path, arguments, environment);
}

}  // namespace vigil::shim
