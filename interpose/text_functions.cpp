// What instrumented code gets in place of libc's functions that put text and values into the caller's memory, or take
// them from there (instrumented_code.hpp): the same, and the engine is told which bytes they read and wrote.
//
// A write is told when it is over: how long the text is, is known only then.
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "interpose/instrumented_code.hpp"
#include "interpose/libc_function.hpp"
#include "interpose/printed_strings.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/real_function.hpp"

extern "C" int __vprintf_chk(int flag, const char* format, va_list given);                 // NOLINT: libc's name
extern "C" int __vfprintf_chk(FILE* stream, int flag, const char* format, va_list given);  // NOLINT: libc's name

namespace vigil::shim {
namespace {

using race::on_read;
using race::on_write;

std::uintptr_t address_of(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }
[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

// ---- printf
// ----------------------------------------------------------------------------------------------------------

// The texts that are printed are read before.
void reads_strings(const char* format, va_list given, std::uintptr_t pc) noexcept {
  const auto read = [](const char* text, std::size_t bytes, void* from) {
    if (bytes != 0) on_read(address_of(text), bytes, *static_cast<const std::uintptr_t*>(from));
  };
  each_printed_string(format, given, read, &pc);
}

// ---- printf into memory --------------------------------------------------------------------------------------------

// result: as printf's; most: how many bytes there may be, the final zero included.
int printed(const char* to, int result, std::size_t most, std::uintptr_t pc) noexcept {
  if (result >= 0 && most != 0) {
    const std::size_t whole = static_cast<std::size_t>(result) + 1;
    on_write(address_of(to), whole < most ? whole : most, pc);
  }
  return result;
}

using PrintList = int(char*, const char*, va_list);
using PrintSomeList = int(char*, std::size_t, const char*, va_list);
using CheckedList = int(char*, int, std::size_t, const char*, va_list);
using CheckedSomeList = int(char*, std::size_t, int, std::size_t, const char*, va_list);
template <class List>
List* list_form(const char* name) noexcept {
  static constinit std::atomic<List*> place{nullptr};  // one form of that type
  return find_once(&find_in_libc, place, name);
}

void* replaced_sprintf = nullptr;
int my_sprintf(char* to, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = list_form<PrintList>("vsprintf")(to, format, given);
  va_end(given);
  return printed(to, result, SIZE_MAX, pc);
}
void* replaced_snprintf = nullptr;
int my_snprintf(char* to, std::size_t most, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = list_form<PrintSomeList>("vsnprintf")(to, most, format, given);
  va_end(given);
  return printed(to, result, most, pc);
}
void* replaced_sprintf_chk = nullptr;
int my_sprintf_chk(char* to, int flag, std::size_t room, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = list_form<CheckedList>("__vsprintf_chk")(to, flag, room, format, given);
  va_end(given);
  return printed(to, result, SIZE_MAX, pc);
}
void* replaced_snprintf_chk = nullptr;
int my_snprintf_chk(char* to, std::size_t most, int flag, std::size_t room, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = list_form<CheckedSomeList>("__vsnprintf_chk")(to, most, flag, room, format, given);
  va_end(given);
  return printed(to, result, most, pc);
}
PrintList* real_vsprintf = nullptr;
int my_vsprintf(char* to, const char* format, va_list given) {
  const std::uintptr_t pc = caller();
  reads_strings(format, given, pc);
  return printed(to, real_vsprintf(to, format, given), SIZE_MAX, pc);
}
PrintSomeList* real_vsnprintf = nullptr;
int my_vsnprintf(char* to, std::size_t most, const char* format, va_list given) {
  const std::uintptr_t pc = caller();
  reads_strings(format, given, pc);
  return printed(to, real_vsnprintf(to, most, format, given), most, pc);
}
CheckedList* real_vsprintf_chk = nullptr;
int my_vsprintf_chk(char* to, int flag, std::size_t room, const char* format, va_list given) {
  const std::uintptr_t pc = caller();
  reads_strings(format, given, pc);
  return printed(to, real_vsprintf_chk(to, flag, room, format, given), SIZE_MAX, pc);
}
CheckedSomeList* real_vsnprintf_chk = nullptr;
int my_vsnprintf_chk(char* to, std::size_t most, int flag, std::size_t room, const char* format, va_list given) {
  const std::uintptr_t pc = caller();
  reads_strings(format, given, pc);
  return printed(to, real_vsnprintf_chk(to, most, flag, room, format, given), most, pc);
}

// ---- streams -------------------------------------------------------------------------------------------------------

// By the shim's own functions of these names, which know what the streams order (wrap_stream.cpp).
void* replaced_printf = nullptr;
int my_printf(const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = std::vprintf(format, given);
  va_end(given);
  return result;
}
void* replaced_fprintf = nullptr;
int my_fprintf(FILE* stream, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = std::vfprintf(stream, format, given);
  va_end(given);
  return result;
}
void* replaced_printf_chk = nullptr;
int my_printf_chk(int flag, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = __vprintf_chk(flag, format, given);
  va_end(given);
  return result;
}
void* replaced_fprintf_chk = nullptr;
int my_fprintf_chk(FILE* stream, int flag, const char* format, ...) {
  const std::uintptr_t pc = caller();
  va_list given;
  va_start(given, format);
  reads_strings(format, given, pc);
  const int result = __vfprintf_chk(stream, flag, format, given);
  va_end(given);
  return result;
}
int (*real_vprintf_of_text)(const char*, va_list) = nullptr;
int my_vprintf(const char* format, va_list given) {
  reads_strings(format, given, caller());
  return real_vprintf_of_text(format, given);
}
int (*real_vfprintf_of_text)(FILE*, const char*, va_list) = nullptr;
int my_vfprintf(FILE* stream, const char* format, va_list given) {
  reads_strings(format, given, caller());
  return real_vfprintf_of_text(stream, format, given);
}

std::size_t (*real_fread)(void*, std::size_t, std::size_t, FILE*) = nullptr;
std::size_t my_fread(void* to, std::size_t size, std::size_t count, FILE* stream) {
  const std::uintptr_t pc = caller();
  const std::size_t got = real_fread(to, size, count, stream);
  if (got != 0) on_write(address_of(to), got * size, pc);
  return got;
}
char* (*real_fgets)(char*, int, FILE*) = nullptr;
char* my_fgets(char* to, int most, FILE* stream) {
  const std::uintptr_t pc = caller();
  char* const got = real_fgets(to, most, stream);
  if (got != nullptr) on_write(address_of(to), std::strlen(to) + 1, pc);
  return got;
}
std::size_t (*real_fwrite)(const void*, std::size_t, std::size_t, FILE*) = nullptr;
std::size_t my_fwrite(const void* from, std::size_t size, std::size_t count, FILE* stream) {
  std::size_t bytes = 0;
  if (!__builtin_mul_overflow(size, count, &bytes) && bytes != 0) on_read(address_of(from), bytes, caller());
  return real_fwrite(from, size, count, stream);
}
int (*real_fputs)(const char*, FILE*) = nullptr;
int my_fputs(const char* text, FILE* stream) {
  on_read(address_of(text), std::strlen(text) + 1, caller());
  return real_fputs(text, stream);
}
int (*real_puts)(const char*) = nullptr;
int my_puts(const char* text) {
  on_read(address_of(text), std::strlen(text) + 1, caller());
  return real_puts(text);
}

// ---- time, order ---------------------------------------------------------------------------------------------------

enum class Zone : std::uint8_t { Local, Gmt };
template <Zone kZone>
tm* (*real_broken_down)(const time_t*, tm*) = nullptr;
template <Zone kZone>
tm* my_broken_down(const time_t* time, tm* to) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(time), sizeof *time, pc);
  on_write(address_of(to), sizeof *to, pc);
  return real_broken_down<kZone>(time, to);
}
std::size_t (*real_strftime)(char*, std::size_t, const char*, const tm*) = nullptr;
std::size_t my_strftime(char* to, std::size_t most, const char* format, const tm* time) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(time), sizeof *time, pc);
  const std::size_t length = real_strftime(to, most, format, time);
  if (length != 0) on_write(address_of(to), length + 1, pc);
  return length;
}
void (*real_qsort)(void*, std::size_t, std::size_t, int (*)(const void*, const void*)) = nullptr;
void my_qsort(void* first, std::size_t count, std::size_t size, int (*compare)(const void*, const void*)) {
  if (count > 1 && size != 0) on_write(address_of(first), count * size, caller());
  real_qsort(first, count, size, compare);
}

constexpr bool kOnlyLibcs = true;
const Replacement kAll[] = {
    {"sprintf", reinterpret_cast<void*>(my_sprintf), &replaced_sprintf, kOnlyLibcs},
    {"snprintf", reinterpret_cast<void*>(my_snprintf), &replaced_snprintf, kOnlyLibcs},
    {"__sprintf_chk", reinterpret_cast<void*>(my_sprintf_chk), &replaced_sprintf_chk, kOnlyLibcs},
    {"__snprintf_chk", reinterpret_cast<void*>(my_snprintf_chk), &replaced_snprintf_chk, kOnlyLibcs},
    {"vsprintf", reinterpret_cast<void*>(my_vsprintf), reinterpret_cast<void**>(&real_vsprintf), kOnlyLibcs},
    {"vsnprintf", reinterpret_cast<void*>(my_vsnprintf), reinterpret_cast<void**>(&real_vsnprintf), kOnlyLibcs},
    {"__vsprintf_chk", reinterpret_cast<void*>(my_vsprintf_chk), reinterpret_cast<void**>(&real_vsprintf_chk),
     kOnlyLibcs},
    {"__vsnprintf_chk", reinterpret_cast<void*>(my_vsnprintf_chk), reinterpret_cast<void**>(&real_vsnprintf_chk),
     kOnlyLibcs},
    {"printf", reinterpret_cast<void*>(my_printf), &replaced_printf, kOnlyLibcs},
    {"fprintf", reinterpret_cast<void*>(my_fprintf), &replaced_fprintf, kOnlyLibcs},
    {"__printf_chk", reinterpret_cast<void*>(my_printf_chk), &replaced_printf_chk, kOnlyLibcs},
    {"__fprintf_chk", reinterpret_cast<void*>(my_fprintf_chk), &replaced_fprintf_chk, kOnlyLibcs},
    {"vprintf", reinterpret_cast<void*>(my_vprintf), reinterpret_cast<void**>(&real_vprintf_of_text), kOnlyLibcs},
    {"vfprintf", reinterpret_cast<void*>(my_vfprintf), reinterpret_cast<void**>(&real_vfprintf_of_text), kOnlyLibcs},
    {"fread", reinterpret_cast<void*>(my_fread), reinterpret_cast<void**>(&real_fread)},
    {"fgets", reinterpret_cast<void*>(my_fgets), reinterpret_cast<void**>(&real_fgets)},
    {"fwrite", reinterpret_cast<void*>(my_fwrite), reinterpret_cast<void**>(&real_fwrite)},
    {"fputs", reinterpret_cast<void*>(my_fputs), reinterpret_cast<void**>(&real_fputs)},
    {"puts", reinterpret_cast<void*>(my_puts), reinterpret_cast<void**>(&real_puts)},
    {"localtime_r", reinterpret_cast<void*>(my_broken_down<Zone::Local>),
     reinterpret_cast<void**>(&real_broken_down<Zone::Local>), kOnlyLibcs},
    {"gmtime_r", reinterpret_cast<void*>(my_broken_down<Zone::Gmt>),
     reinterpret_cast<void**>(&real_broken_down<Zone::Gmt>), kOnlyLibcs},
    {"strftime", reinterpret_cast<void*>(my_strftime), reinterpret_cast<void**>(&real_strftime), kOnlyLibcs},
    {"qsort", reinterpret_cast<void*>(my_qsort), reinterpret_cast<void**>(&real_qsort), kOnlyLibcs},
};

}  // namespace

std::span<const Replacement> text_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
