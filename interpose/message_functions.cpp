// What instrumented code gets in place of libc's functions that put messages and words into a stream, and take words
// out (instrumented_code.hpp): over a pipe or a socket they hand on what was done before, as those of wrap_stream.cpp
// do. Libraries have functions of these names, so they are not wrapped for all: where the name leads to another's, it
// stays as it is.
#include <err.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "interpose/instrumented_code.hpp"
#include "interpose/libc_function.hpp"
#include "interpose/real_function.hpp"
#include "interpose/stream_order.hpp"

namespace vigil::shim {
namespace {

using streams::puts_into;
using streams::took_out;

template <class Function>
Function* of_libc(const char* name) noexcept {
  return reinterpret_cast<Function*>(find_in_libc(name));
}

using Message = void(const char*, va_list);
using LastMessage = void(int, const char*, va_list);

enum class Words : std::uint8_t { WithError, Plain };
constexpr const char* kVwarn[] = {"vwarn", "vwarnx"};
constexpr const char* kVerr[] = {"verr", "verrx"};

template <Words kWords>
void* replaced_warning = nullptr;
template <Words kWords>
void my_warning(const char* format, ...) {
  puts_into(stderr);
  va_list given;
  va_start(given, format);
  of_libc<Message>(kVwarn[static_cast<int>(kWords)])(format, given);
  va_end(given);
}
template <Words kWords>
Message* real_warning = nullptr;
template <Words kWords>
void my_warning_of_list(const char* format, va_list given) {
  puts_into(stderr);
  real_warning<kWords>(format, given);
}
template <Words kWords>
void* replaced_error = nullptr;
template <Words kWords>
void my_error(int status, const char* format, ...) {
  puts_into(stderr);
  va_list given;
  va_start(given, format);
  of_libc<LastMessage>(kVerr[static_cast<int>(kWords)])(status, format, given);
  va_end(given);
}
template <Words kWords>
LastMessage* real_error = nullptr;
template <Words kWords>
void my_error_of_list(int status, const char* format, va_list given) {
  puts_into(stderr);
  real_error<kWords>(status, format, given);
}

void (*real_psignal)(int, const char*) = nullptr;
void my_psignal(int signal_number, const char* text) {
  puts_into(stderr);
  real_psignal(signal_number, text);
}
void (*real_psiginfo)(const void*, const char*) = nullptr;
void my_psiginfo(const void* told, const char* text) {
  puts_into(stderr);
  real_psiginfo(told, text);
}
int (*real_putw)(int, FILE*) = nullptr;
int my_putw(int word, FILE* stream) {
  puts_into(stream);
  return real_putw(word, stream);
}
int (*real_getw)(FILE*) = nullptr;
int my_getw(FILE* stream) { return took_out(stream, real_getw(stream)); }

const Replacement kAll[] = {
    {"warn", reinterpret_cast<void*>(my_warning<Words::WithError>), &replaced_warning<Words::WithError>, true},
    {"warnx", reinterpret_cast<void*>(my_warning<Words::Plain>), &replaced_warning<Words::Plain>, true},
    {"vwarn", reinterpret_cast<void*>(my_warning_of_list<Words::WithError>),
     reinterpret_cast<void**>(&real_warning<Words::WithError>), true},
    {"vwarnx", reinterpret_cast<void*>(my_warning_of_list<Words::Plain>),
     reinterpret_cast<void**>(&real_warning<Words::Plain>), true},
    {"err", reinterpret_cast<void*>(my_error<Words::WithError>), &replaced_error<Words::WithError>, true},
    {"errx", reinterpret_cast<void*>(my_error<Words::Plain>), &replaced_error<Words::Plain>, true},
    {"verr", reinterpret_cast<void*>(my_error_of_list<Words::WithError>),
     reinterpret_cast<void**>(&real_error<Words::WithError>), true},
    {"verrx", reinterpret_cast<void*>(my_error_of_list<Words::Plain>),
     reinterpret_cast<void**>(&real_error<Words::Plain>), true},
    {"psignal", reinterpret_cast<void*>(my_psignal), reinterpret_cast<void**>(&real_psignal), true},
    {"psiginfo", reinterpret_cast<void*>(my_psiginfo), reinterpret_cast<void**>(&real_psiginfo), true},
    {"putw", reinterpret_cast<void*>(my_putw), reinterpret_cast<void**>(&real_putw), true},
    {"getw", reinterpret_cast<void*>(my_getw), reinterpret_cast<void**>(&real_getw), true},
};

}  // namespace

std::span<const Replacement> message_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
