// Wrappers of the streams of <cwchar>, as wrap_stream.cpp has them for those of <cstdio>.
#include <cstdarg>
#include <cstdio>
#include <cwchar>

#include "interpose/export.hpp"
#include "interpose/real_function.hpp"
#include "interpose/stream_order.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using streams::puts_into;
using streams::took_out;

constinit Real<wint_t(wchar_t, FILE*)> real_fputwc("fputwc");
constinit Real<wint_t(wchar_t, FILE*)> real_putwc("putwc");
constinit Real<wint_t(wchar_t, FILE*)> real_fputwc_unlocked("fputwc_unlocked");
constinit Real<wint_t(wchar_t, FILE*)> real_putwc_unlocked("putwc_unlocked");
constinit Real<wint_t(wchar_t)> real_putwchar("putwchar");
constinit Real<wint_t(wchar_t)> real_putwchar_unlocked("putwchar_unlocked");
constinit Real<int(const wchar_t*, FILE*)> real_fputws("fputws");
constinit Real<int(const wchar_t*, FILE*)> real_fputws_unlocked("fputws_unlocked");
constinit Real<int(FILE*, const wchar_t*, va_list)> real_vfwprintf("vfwprintf");
constinit Real<int(FILE*, int, const wchar_t*, va_list)> real___vfwprintf_chk("__vfwprintf_chk");
constinit Real<int(const wchar_t*, va_list)> real_vwprintf("vwprintf");
constinit Real<int(int, const wchar_t*, va_list)> real___vwprintf_chk("__vwprintf_chk");
constinit Real<wint_t(FILE*)> real_fgetwc("fgetwc");
constinit Real<wint_t(FILE*)> real_getwc("getwc");
constinit Real<wint_t(FILE*)> real_fgetwc_unlocked("fgetwc_unlocked");
constinit Real<wint_t(FILE*)> real_getwc_unlocked("getwc_unlocked");
constinit Real<wint_t()> real_getwchar("getwchar");
constinit Real<wint_t()> real_getwchar_unlocked("getwchar_unlocked");
constinit Real<wchar_t*(wchar_t*, int, FILE*)> real_fgetws("fgetws");
constinit Real<wchar_t*(wchar_t*, int, FILE*)> real_fgetws_unlocked("fgetws_unlocked");
constinit Real<wchar_t*(wchar_t*, std::size_t, int, FILE*)> real___fgetws_chk("__fgetws_chk");
constinit Real<wchar_t*(wchar_t*, std::size_t, int, FILE*)> real___fgetws_unlocked_chk("__fgetws_unlocked_chk");

}  // namespace

// ---- putting in -----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT wint_t fputwc(wchar_t one, FILE* stream) {
  puts_into(stream);
  return real_fputwc(one, stream);
}
extern "C" VIGIL_EXPORT wint_t putwc(wchar_t one, FILE* stream) {
  puts_into(stream);
  return real_putwc(one, stream);
}
extern "C" VIGIL_EXPORT wint_t fputwc_unlocked(wchar_t one, FILE* stream) {
  puts_into(stream);
  return real_fputwc_unlocked(one, stream);
}
extern "C" VIGIL_EXPORT wint_t putwc_unlocked(wchar_t one, FILE* stream) {
  puts_into(stream);
  return real_putwc_unlocked(one, stream);
}
extern "C" VIGIL_EXPORT wint_t putwchar(wchar_t one) {
  puts_into(stdout);
  return real_putwchar(one);
}
extern "C" VIGIL_EXPORT wint_t putwchar_unlocked(wchar_t one) {
  puts_into(stdout);
  return real_putwchar_unlocked(one);
}
extern "C" VIGIL_EXPORT int fputws(const wchar_t* text, FILE* stream) {
  puts_into(stream);
  return real_fputws(text, stream);
}
extern "C" VIGIL_EXPORT int fputws_unlocked(const wchar_t* text, FILE* stream) {
  puts_into(stream);
  return real_fputws_unlocked(text, stream);
}
extern "C" VIGIL_EXPORT int vfwprintf(FILE* stream, const wchar_t* format, va_list given) {
  puts_into(stream);
  return real_vfwprintf(stream, format, given);
}
extern "C" VIGIL_EXPORT int __vfwprintf_chk(FILE* stream, int checks, const wchar_t* format, va_list given) {  // NOLINT
  puts_into(stream);
  return real___vfwprintf_chk(stream, checks, format, given);
}
extern "C" VIGIL_EXPORT int vwprintf(const wchar_t* format, va_list given) {
  puts_into(stdout);
  return real_vwprintf(format, given);
}
extern "C" VIGIL_EXPORT int __vwprintf_chk(int checks, const wchar_t* format, va_list given) {  // NOLINT
  puts_into(stdout);
  return real___vwprintf_chk(checks, format, given);
}
extern "C" VIGIL_EXPORT int fwprintf(FILE* stream, const wchar_t* format, ...) {
  puts_into(stream);
  va_list given;
  va_start(given, format);
  const int done = real_vfwprintf(stream, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int __fwprintf_chk(FILE* stream, int checks, const wchar_t* format, ...) {  // NOLINT
  puts_into(stream);
  va_list given;
  va_start(given, format);
  const int done = real___vfwprintf_chk(stream, checks, format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int wprintf(const wchar_t* format, ...) {
  puts_into(stdout);
  va_list given;
  va_start(given, format);
  const int done = real_vwprintf(format, given);
  va_end(given);
  return done;
}
extern "C" VIGIL_EXPORT int __wprintf_chk(int checks, const wchar_t* format, ...) {  // NOLINT
  puts_into(stdout);
  va_list given;
  va_start(given, format);
  const int done = real___vwprintf_chk(checks, format, given);
  va_end(given);
  return done;
}

// ---- taking out -----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT wint_t fgetwc(FILE* stream) { return took_out(stream, real_fgetwc(stream)); }
extern "C" VIGIL_EXPORT wint_t getwc(FILE* stream) { return took_out(stream, real_getwc(stream)); }
extern "C" VIGIL_EXPORT wint_t fgetwc_unlocked(FILE* stream) { return took_out(stream, real_fgetwc_unlocked(stream)); }
extern "C" VIGIL_EXPORT wint_t getwc_unlocked(FILE* stream) { return took_out(stream, real_getwc_unlocked(stream)); }
extern "C" VIGIL_EXPORT wint_t getwchar() { return took_out(stdin, real_getwchar()); }
extern "C" VIGIL_EXPORT wint_t getwchar_unlocked() { return took_out(stdin, real_getwchar_unlocked()); }
extern "C" VIGIL_EXPORT wchar_t* fgetws(wchar_t* to, int room, FILE* stream) {
  return took_out(stream, real_fgetws(to, room, stream));
}
extern "C" VIGIL_EXPORT wchar_t* fgetws_unlocked(wchar_t* to, int room, FILE* stream) {
  return took_out(stream, real_fgetws_unlocked(to, room, stream));
}
extern "C" VIGIL_EXPORT wchar_t* __fgetws_chk(wchar_t* to, std::size_t size, int room, FILE* stream) {  // NOLINT
  return took_out(stream, real___fgetws_chk(to, size, room, stream));
}
extern "C" VIGIL_EXPORT wchar_t* __fgetws_unlocked_chk(wchar_t* to, std::size_t size, int room,
                                                       FILE* stream) {  // NOLINT
  return took_out(stream, real___fgetws_unlocked_chk(to, size, room, stream));
}
