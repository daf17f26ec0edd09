// Wrappers of the functions that read by a format, over what hands bytes from one thread to another (wrap_stream.cpp).
// Each has three names, for what a format meant in C89, in C99, and since C23 (glibc 2.38): headers give programs the
// newest that their standard has, and each goes on to the one of libc that was meant.
#include <cstdarg>
#include <cstdio>
#include <cwchar>

#include "interpose/export.hpp"
#include "interpose/real_function.hpp"
#include "interpose/stream_order.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using streams::took_out;

template <class Character>
using Scan = Real<int(FILE*, const Character*, va_list)>;
template <class Character>
using ScanStandard = Real<int(const Character*, va_list)>;

constinit Scan<char> real_vfscanf("vfscanf");
constinit ScanStandard<char> real_vscanf("vscanf");
constinit Scan<wchar_t> real_vfwscanf("vfwscanf");
constinit ScanStandard<wchar_t> real_vwscanf("vwscanf");
constinit Scan<char> real_isoc99_vfscanf("__isoc99_vfscanf");
constinit ScanStandard<char> real_isoc99_vscanf("__isoc99_vscanf");
constinit Scan<wchar_t> real_isoc99_vfwscanf("__isoc99_vfwscanf");
constinit ScanStandard<wchar_t> real_isoc99_vwscanf("__isoc99_vwscanf");
constinit Scan<char> real_isoc23_vfscanf("__isoc23_vfscanf");
constinit ScanStandard<char> real_isoc23_vscanf("__isoc23_vscanf");
constinit Scan<wchar_t> real_isoc23_vfwscanf("__isoc23_vfwscanf");
constinit ScanStandard<wchar_t> real_isoc23_vwscanf("__isoc23_vwscanf");

}  // namespace

// ---- C89, or with extensions of GNU that C99 took away --------------------------------------------------------------

extern "C" VIGIL_EXPORT int vigil_vfscanf(FILE* stream, const char* format, va_list given) __asm__("vfscanf");
extern "C" int vigil_vfscanf(FILE* stream, const char* format, va_list given) {
  return took_out(stream, real_vfscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fscanf(FILE* stream, const char* format, ...) __asm__("fscanf");
extern "C" int vigil_fscanf(FILE* stream, const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfscanf(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vscanf(const char* format, va_list given) __asm__("vscanf");
extern "C" int vigil_vscanf(const char* format, va_list given) { return took_out(stdin, real_vscanf(format, given)); }
extern "C" VIGIL_EXPORT int vigil_scanf(const char* format, ...) __asm__("scanf");
extern "C" int vigil_scanf(const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vscanf(format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vfwscanf(FILE* stream, const wchar_t* format, va_list given) __asm__("vfwscanf");
extern "C" int vigil_vfwscanf(FILE* stream, const wchar_t* format, va_list given) {
  return took_out(stream, real_vfwscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fwscanf(FILE* stream, const wchar_t* format, ...) __asm__("fwscanf");
extern "C" int vigil_fwscanf(FILE* stream, const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfwscanf(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vwscanf(const wchar_t* format, va_list given) __asm__("vwscanf");
extern "C" int vigil_vwscanf(const wchar_t* format, va_list given) {
  return took_out(stdin, real_vwscanf(format, given));
}
extern "C" VIGIL_EXPORT int vigil_wscanf(const wchar_t* format, ...) __asm__("wscanf");
extern "C" int vigil_wscanf(const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vwscanf(format, given);
  va_end(given);
  return done;
}

// ---- C99 ------------------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int vigil_vfscanf_c99(FILE* stream, const char* format,
                                              va_list given) __asm__("__isoc99_vfscanf");
extern "C" int vigil_vfscanf_c99(FILE* stream, const char* format, va_list given) {
  return took_out(stream, real_isoc99_vfscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fscanf_c99(FILE* stream, const char* format, ...) __asm__("__isoc99_fscanf");
extern "C" int vigil_fscanf_c99(FILE* stream, const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfscanf_c99(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vscanf_c99(const char* format, va_list given) __asm__("__isoc99_vscanf");
extern "C" int vigil_vscanf_c99(const char* format, va_list given) {
  return took_out(stdin, real_isoc99_vscanf(format, given));
}
extern "C" VIGIL_EXPORT int vigil_scanf_c99(const char* format, ...) __asm__("__isoc99_scanf");
extern "C" int vigil_scanf_c99(const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vscanf_c99(format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vfwscanf_c99(FILE* stream, const wchar_t* format,
                                               va_list given) __asm__("__isoc99_vfwscanf");
extern "C" int vigil_vfwscanf_c99(FILE* stream, const wchar_t* format, va_list given) {
  return took_out(stream, real_isoc99_vfwscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fwscanf_c99(FILE* stream, const wchar_t* format, ...) __asm__("__isoc99_fwscanf");
extern "C" int vigil_fwscanf_c99(FILE* stream, const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfwscanf_c99(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vwscanf_c99(const wchar_t* format, va_list given) __asm__("__isoc99_vwscanf");
extern "C" int vigil_vwscanf_c99(const wchar_t* format, va_list given) {
  return took_out(stdin, real_isoc99_vwscanf(format, given));
}
extern "C" VIGIL_EXPORT int vigil_wscanf_c99(const wchar_t* format, ...) __asm__("__isoc99_wscanf");
extern "C" int vigil_wscanf_c99(const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vwscanf_c99(format, given);
  va_end(given);
  return done;
}

// ---- C23 ------------------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT int vigil_vfscanf_c23(FILE* stream, const char* format,
                                              va_list given) __asm__("__isoc23_vfscanf");
extern "C" int vigil_vfscanf_c23(FILE* stream, const char* format, va_list given) {
  return took_out(stream, real_isoc23_vfscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fscanf_c23(FILE* stream, const char* format, ...) __asm__("__isoc23_fscanf");
extern "C" int vigil_fscanf_c23(FILE* stream, const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfscanf_c23(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vscanf_c23(const char* format, va_list given) __asm__("__isoc23_vscanf");
extern "C" int vigil_vscanf_c23(const char* format, va_list given) {
  return took_out(stdin, real_isoc23_vscanf(format, given));
}
extern "C" VIGIL_EXPORT int vigil_scanf_c23(const char* format, ...) __asm__("__isoc23_scanf");
extern "C" int vigil_scanf_c23(const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vscanf_c23(format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vfwscanf_c23(FILE* stream, const wchar_t* format,
                                               va_list given) __asm__("__isoc23_vfwscanf");
extern "C" int vigil_vfwscanf_c23(FILE* stream, const wchar_t* format, va_list given) {
  return took_out(stream, real_isoc23_vfwscanf(stream, format, given));
}
extern "C" VIGIL_EXPORT int vigil_fwscanf_c23(FILE* stream, const wchar_t* format, ...) __asm__("__isoc23_fwscanf");
extern "C" int vigil_fwscanf_c23(FILE* stream, const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vfwscanf_c23(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int vigil_vwscanf_c23(const wchar_t* format, va_list given) __asm__("__isoc23_vwscanf");
extern "C" int vigil_vwscanf_c23(const wchar_t* format, va_list given) {
  return took_out(stdin, real_isoc23_vwscanf(format, given));
}
extern "C" VIGIL_EXPORT int vigil_wscanf_c23(const wchar_t* format, ...) __asm__("__isoc23_wscanf");
extern "C" int vigil_wscanf_c23(const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = vigil_vwscanf_c23(format, given);
  va_end(given);
  return done;
}
