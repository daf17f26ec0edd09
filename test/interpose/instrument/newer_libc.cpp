// What a libc newer than Debian 12's has: there these names are its own, and a program that was built there calls them.
// Here they stand for it, behind the shim.
#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cwchar>

namespace {

// Not by the name: that would be the shim's own.
template <class Function>
Function* of_libc(const char* name) {
  return reinterpret_cast<Function*>(dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), name));
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int newer_vfscanf(std::FILE* stream, const char* format,
                                                 va_list given) __asm__("__isoc23_vfscanf");
int newer_vfscanf(std::FILE* stream, const char* format, va_list given) {
  return of_libc<int(std::FILE*, const char*, va_list)>("__isoc99_vfscanf")(stream, format, given);
}
[[gnu::visibility("default")]] int newer_fscanf(std::FILE* stream, const char* format, ...) __asm__("__isoc23_fscanf");
int newer_fscanf(std::FILE* stream, const char* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = newer_vfscanf(stream, format, given);
  va_end(given);
  return done;
}
[[gnu::visibility("default")]] int newer_vfwscanf(std::FILE* stream, const wchar_t* format,
                                                  va_list given) __asm__("__isoc23_vfwscanf");
int newer_vfwscanf(std::FILE* stream, const wchar_t* format, va_list given) {
  return of_libc<int(std::FILE*, const wchar_t*, va_list)>("__isoc99_vfwscanf")(stream, format, given);
}
[[gnu::visibility("default")]] int newer_fwscanf(std::FILE* stream, const wchar_t* format,
                                                 ...) __asm__("__isoc23_fwscanf");
int newer_fwscanf(std::FILE* stream, const wchar_t* format, ...) {
  va_list given;
  va_start(given, format);
  const int done = newer_vfwscanf(stream, format, given);
  va_end(given);
  return done;
}

}  // extern "C"
