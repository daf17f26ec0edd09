// Wrappers of the streams of <cstdio>, over what hands bytes from one thread to another: libc reads and writes their
// descriptors by calls that nobody can wrap. Whoever takes something out of a stream over a pipe or a socket goes on
// after whoever put something into one, also where the bytes only went to a stream's buffer, or come from it: so each
// operation counts. Of a stream over a file it costs a look into a table (descriptors.hpp).
//
// Most are cancellation points, and so not noexcept.
#include <cstdarg>
#include <cstdio>

#include "interpose/descriptors.hpp"
#include "interpose/export.hpp"
#include "interpose/real_function.hpp"
#include "interpose/stream_order.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using streams::descriptor_of;
using streams::puts_into;
using streams::took_out;

constinit Real<std::size_t(const void*, std::size_t, std::size_t, FILE*)> real_fwrite("fwrite");
constinit Real<std::size_t(const void*, std::size_t, std::size_t, FILE*)> real_fwrite_unlocked("fwrite_unlocked");
constinit Real<int(const char*, FILE*)> real_fputs("fputs");
constinit Real<int(const char*, FILE*)> real_fputs_unlocked("fputs_unlocked");
constinit Real<int(int, FILE*)> real_fputc("fputc");
constinit Real<int(int, FILE*)> real_putc("putc");
constinit Real<int(FILE*, int)> real_overflow("__overflow");
constinit Real<int(FILE*, const char*, va_list)> real_vfprintf("vfprintf");
constinit Real<int(FILE*, int, const char*, va_list)> real_vfprintf_chk("__vfprintf_chk");
constinit Real<std::size_t(void*, std::size_t, std::size_t, FILE*)> real_fread("fread");
constinit Real<std::size_t(void*, std::size_t, std::size_t, FILE*)> real_fread_unlocked("fread_unlocked");
constinit Real<std::size_t(void*, std::size_t, std::size_t, std::size_t, FILE*)> real_fread_chk("__fread_chk");
constinit Real<char*(char*, int, FILE*)> real_fgets("fgets");
constinit Real<char*(char*, int, FILE*)> real_fgets_unlocked("fgets_unlocked");
constinit Real<char*(char*, std::size_t, int, FILE*)> real_fgets_chk("__fgets_chk");
constinit Real<int(FILE*)> real_fgetc("fgetc");
constinit Real<int(FILE*)> real_getc("getc");
constinit Real<int(FILE*)> real_uflow("__uflow");
constinit Real<__ssize_t(char**, std::size_t*, FILE*)> real_getline("getline");
constinit Real<__ssize_t(char**, std::size_t*, int, FILE*)> real_getdelim("getdelim");
constinit Real<__ssize_t(char**, std::size_t*, int, FILE*)> real_getdelim_internal("__getdelim");
constinit Real<int(FILE*)> real_fflush("fflush");
constinit Real<int(int, FILE*)> real_fputc_unlocked("fputc_unlocked");
constinit Real<int(int, FILE*)> real_putc_unlocked("putc_unlocked");
constinit Real<int(FILE*)> real_fflush_unlocked("fflush_unlocked");
constinit Real<int(FILE*)> real_fgetc_unlocked("fgetc_unlocked");
constinit Real<int(FILE*)> real_getc_unlocked("getc_unlocked");
constinit Real<int(FILE*)> real_fclose("fclose");
constinit Real<FILE*(const char*, const char*, FILE*)> real_freopen("freopen");
constinit Real<FILE*(const char*, const char*, FILE*)> real_freopen64("freopen64");
constinit Real<FILE*(int, const char*)> real_fdopen("fdopen");
constinit Real<int(FILE*)> real_pclose("pclose");

}  // namespace

// ---- putting in ----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT std::size_t fwrite(const void* from, std::size_t size, std::size_t count, FILE* stream) {
  puts_into(stream);
  return real_fwrite(from, size, count, stream);
}
extern "C" VIGIL_EXPORT std::size_t fwrite_unlocked(const void* from, std::size_t size, std::size_t count,
                                                    FILE* stream) {
  puts_into(stream);
  return real_fwrite_unlocked(from, size, count, stream);
}
extern "C" VIGIL_EXPORT int fputs(const char* text, FILE* stream) {
  puts_into(stream);
  return real_fputs(text, stream);
}
extern "C" VIGIL_EXPORT int fputs_unlocked(const char* text, FILE* stream) {
  puts_into(stream);
  return real_fputs_unlocked(text, stream);
}
extern "C" VIGIL_EXPORT int fputc(int one, FILE* stream) {
  puts_into(stream);
  return real_fputc(one, stream);
}
extern "C" VIGIL_EXPORT int putc(int one, FILE* stream) {
  puts_into(stream);
  return real_putc(one, stream);
}
extern "C" VIGIL_EXPORT int __overflow(FILE* stream, int one) {  // NOLINT
  puts_into(stream);
  return real_overflow(stream, one);
}
extern "C" VIGIL_EXPORT int vfprintf(FILE* stream, const char* format, va_list given) {
  puts_into(stream);
  return real_vfprintf(stream, format, given);
}
extern "C" VIGIL_EXPORT int __vfprintf_chk(FILE* stream, int checks, const char* format, va_list given) {  // NOLINT
  puts_into(stream);
  return real_vfprintf_chk(stream, checks, format, given);
}
extern "C" VIGIL_EXPORT int fprintf(FILE* stream, const char* format, ...) {
  puts_into(stream);
  va_list given;
  va_start(given, format);
  const int written = real_vfprintf(stream, format, given);
  va_end(given);
  return written;
}
extern "C" VIGIL_EXPORT int __fprintf_chk(FILE* stream, int checks, const char* format, ...) {  // NOLINT
  puts_into(stream);
  va_list given;
  va_start(given, format);
  const int written = real_vfprintf_chk(stream, checks, format, given);
  va_end(given);
  return written;
}
// The header may have bodies for these, and for others below.
extern "C" VIGIL_EXPORT int vigil_fputc_unlocked(int one, FILE* stream) __asm__("fputc_unlocked");
extern "C" int vigil_fputc_unlocked(int one, FILE* stream) {
  puts_into(stream);
  return real_fputc_unlocked(one, stream);
}
extern "C" VIGIL_EXPORT int vigil_putc_unlocked(int one, FILE* stream) __asm__("putc_unlocked");
extern "C" int vigil_putc_unlocked(int one, FILE* stream) {
  puts_into(stream);
  return real_putc_unlocked(one, stream);
}
// Null: all streams. What others have put into them they gave then.
extern "C" VIGIL_EXPORT int fflush(FILE* stream) {
  if (stream != nullptr) puts_into(stream);
  return real_fflush(stream);
}
extern "C" VIGIL_EXPORT int fflush_unlocked(FILE* stream) {
  if (stream != nullptr) puts_into(stream);
  return real_fflush_unlocked(stream);
}
extern "C" VIGIL_EXPORT int fclose(FILE* stream) {
  descriptors::closes(descriptor_of(stream));
  return real_fclose(stream);
}
extern "C" VIGIL_EXPORT FILE* freopen(const char* path, const char* mode, FILE* stream) {
  descriptors::closes(descriptor_of(stream));
  return real_freopen(path, mode, stream);
}
extern "C" VIGIL_EXPORT FILE* freopen64(const char* path, const char* mode, FILE* stream) {
  descriptors::closes(descriptor_of(stream));
  return real_freopen64(path, mode, stream);
}
extern "C" VIGIL_EXPORT FILE* fdopen(int file, const char* mode) noexcept {
  descriptors::begins_stream(file);
  return real_fdopen(file, mode);
}
extern "C" VIGIL_EXPORT int pclose(FILE* stream) {
  descriptors::closes(descriptor_of(stream));
  return real_pclose(stream);
}

// ---- taking out ----------------------------------------------------------------------------------------------------

extern "C" VIGIL_EXPORT std::size_t fread(void* to, std::size_t size, std::size_t count, FILE* stream) {
  return took_out(stream, real_fread(to, size, count, stream));
}
extern "C" VIGIL_EXPORT std::size_t fread_unlocked(void* to, std::size_t size, std::size_t count, FILE* stream) {
  return took_out(stream, real_fread_unlocked(to, size, count, stream));
}
extern "C" VIGIL_EXPORT std::size_t __fread_chk(void* to, std::size_t room, std::size_t size, std::size_t count,
                                                FILE* stream) {  // NOLINT
  return took_out(stream, real_fread_chk(to, room, size, count, stream));
}
extern "C" VIGIL_EXPORT char* fgets(char* to, int room, FILE* stream) {
  return took_out(stream, real_fgets(to, room, stream));
}
extern "C" VIGIL_EXPORT char* fgets_unlocked(char* to, int room, FILE* stream) {
  return took_out(stream, real_fgets_unlocked(to, room, stream));
}
extern "C" VIGIL_EXPORT char* __fgets_chk(char* to, std::size_t size, int room, FILE* stream) {  // NOLINT
  return took_out(stream, real_fgets_chk(to, size, room, stream));
}
extern "C" VIGIL_EXPORT int fgetc(FILE* stream) { return took_out(stream, real_fgetc(stream)); }
extern "C" VIGIL_EXPORT int getc(FILE* stream) { return took_out(stream, real_getc(stream)); }
extern "C" VIGIL_EXPORT int vigil_fgetc_unlocked(FILE* stream) __asm__("fgetc_unlocked");
extern "C" int vigil_fgetc_unlocked(FILE* stream) { return took_out(stream, real_fgetc_unlocked(stream)); }
extern "C" VIGIL_EXPORT int vigil_getc_unlocked(FILE* stream) __asm__("getc_unlocked");
extern "C" int vigil_getc_unlocked(FILE* stream) { return took_out(stream, real_getc_unlocked(stream)); }
extern "C" VIGIL_EXPORT int __uflow(FILE* stream) {  // NOLINT
  return took_out(stream, real_uflow(stream));
}
extern "C" VIGIL_EXPORT __ssize_t vigil_getline(char** to, std::size_t* size, FILE* stream) __asm__("getline");
extern "C" __ssize_t vigil_getline(char** to, std::size_t* size, FILE* stream) {
  return took_out(stream, real_getline(to, size, stream));
}
extern "C" VIGIL_EXPORT __ssize_t getdelim(char** to, std::size_t* size, int end, FILE* stream) {
  return took_out(stream, real_getdelim(to, size, end, stream));
}
extern "C" VIGIL_EXPORT __ssize_t __getdelim(char** to, std::size_t* size, int end, FILE* stream) {  // NOLINT
  return took_out(stream, real_getdelim_internal(to, size, end, stream));
}
