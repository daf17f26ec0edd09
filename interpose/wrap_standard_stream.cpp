// Wrappers of the functions of <cstdio> that use a standard stream unasked: each may lead to a pipe or a socket of the
// process (wrap_stream.cpp). Those of <err.h> and such are not here: libraries have functions of these names.
#include <cstdarg>
#include <cstdio>

#include "interpose/export.hpp"
#include "interpose/real_function.hpp"
#include "interpose/stream_order.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using streams::puts_into;
using streams::took_out;

constinit Real<int(int)> real_putchar("putchar");
constinit Real<int(int)> real_putchar_unlocked("putchar_unlocked");
constinit Real<int(const char*)> real_puts("puts");
constinit Real<int(const char*, va_list)> real_vprintf("vprintf");
constinit Real<int(int, const char*, va_list)> real___vprintf_chk("__vprintf_chk");
constinit Real<void(const char*)> real_perror("perror");
constinit Real<int()> real_getchar("getchar");
constinit Real<int()> real_getchar_unlocked("getchar_unlocked");

}  // namespace

// ---- putting in -----------------------------------------------------------------------------------------------------

// The header may have bodies for some.
extern "C" VIGIL_EXPORT int vigil_putchar(int one) __asm__("putchar");
extern "C" int vigil_putchar(int one) {
  puts_into(stdout);
  return real_putchar(one);
}
extern "C" VIGIL_EXPORT int vigil_putchar_unlocked(int one) __asm__("putchar_unlocked");
extern "C" int vigil_putchar_unlocked(int one) {
  puts_into(stdout);
  return real_putchar_unlocked(one);
}
extern "C" VIGIL_EXPORT int puts(const char* text) {
  puts_into(stdout);
  return real_puts(text);
}
extern "C" VIGIL_EXPORT int vigil_vprintf(const char* format, va_list given) __asm__("vprintf");
extern "C" int vigil_vprintf(const char* format, va_list given) {
  puts_into(stdout);
  return real_vprintf(format, given);
}
extern "C" VIGIL_EXPORT int __vprintf_chk(int checks, const char* format, va_list given) {  // NOLINT
  puts_into(stdout);
  return real___vprintf_chk(checks, format, given);
}
extern "C" VIGIL_EXPORT void perror(const char* text) {
  puts_into(stderr);
  real_perror(text);
}
extern "C" VIGIL_EXPORT int printf(const char* format, ...) {
  puts_into(stdout);
  va_list given;
  va_start(given, format);
  const int done = real_vprintf(format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int __printf_chk(int checks, const char* format, ...) {  // NOLINT
  puts_into(stdout);
  va_list given;
  va_start(given, format);
  const int done = real___vprintf_chk(checks, format, given);
  va_end(given);
  return done;
}

// ---- taking out -----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int vigil_getchar() __asm__("getchar");
extern "C" int vigil_getchar() { return took_out(stdin, real_getchar()); }
extern "C" VIGIL_EXPORT int vigil_getchar_unlocked() __asm__("getchar_unlocked");
extern "C" int vigil_getchar_unlocked() { return took_out(stdin, real_getchar_unlocked()); }
