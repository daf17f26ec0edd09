// What instrumented code gets in place of libc's functions on memory and strings (instrumented_code.hpp): the same, and
// the engine is told which bytes they read and wrote.
//
// Told before the real call where the bytes are known before, so that a crash in it finds the access recorded.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "interpose/instrumented_code.hpp"
#include "interpose/race/memory.hpp"

namespace vigil::shim {
namespace {

using race::on_read;
using race::on_write;

std::uintptr_t address_of(const void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }
[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

// Each replacement beside the function behind it.

void* (*real_memcpy)(void*, const void*, std::size_t) = nullptr;
void* my_memcpy(void* to, const void* from, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_memcpy(to, from, size);
}

void* (*real_memmove)(void*, const void*, std::size_t) = nullptr;
void* my_memmove(void* to, const void* from, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_memmove(to, from, size);
}

void* (*real_mempcpy)(void*, const void*, std::size_t) = nullptr;
void* my_mempcpy(void* to, const void* from, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_mempcpy(to, from, size);
}

void* (*real_memcpy_chk)(void*, const void*, std::size_t, std::size_t) = nullptr;
void* my_memcpy_chk(void* to, const void* from, std::size_t size, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_memcpy_chk(to, from, size, room);
}

void* (*real_memmove_chk)(void*, const void*, std::size_t, std::size_t) = nullptr;
void* my_memmove_chk(void* to, const void* from, std::size_t size, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_memmove_chk(to, from, size, room);
}

void* (*real_mempcpy_chk)(void*, const void*, std::size_t, std::size_t) = nullptr;
void* my_mempcpy_chk(void* to, const void* from, std::size_t size, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_mempcpy_chk(to, from, size, room);
}

void* (*real_memset)(void*, int, std::size_t) = nullptr;
void* my_memset(void* to, int byte, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  on_write(address_of(to), size, pc);
  return real_memset(to, byte, size);
}

void* (*real_memset_chk)(void*, int, std::size_t, std::size_t) = nullptr;
void* my_memset_chk(void* to, int byte, std::size_t size, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  on_write(address_of(to), size, pc);
  return real_memset_chk(to, byte, size, room);
}

int (*real_memcmp)(const void*, const void*, std::size_t) = nullptr;
int my_memcmp(const void* one, const void* other, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  const auto* const a = static_cast<const unsigned char*>(one);
  const auto* const b = static_cast<const unsigned char*>(other);
  const auto same = static_cast<std::size_t>(std::mismatch(a, a + size, b).first - a);
  on_read(address_of(one), std::min(same + 1, size), pc);
  on_read(address_of(other), std::min(same + 1, size), pc);
  return real_memcmp(one, other, size);
}

int (*real_bcmp)(const void*, const void*, std::size_t) = nullptr;
int my_bcmp(const void* one, const void* other, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  const auto* const a = static_cast<const unsigned char*>(one);
  const auto* const b = static_cast<const unsigned char*>(other);
  const auto same = static_cast<std::size_t>(std::mismatch(a, a + size, b).first - a);
  on_read(address_of(one), std::min(same + 1, size), pc);
  on_read(address_of(other), std::min(same + 1, size), pc);
  return real_bcmp(one, other, size);
}

void* (*real_memchr)(const void*, int, std::size_t) = nullptr;
void* my_memchr(const void* in, int byte, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  void* const found = real_memchr(in, byte, size);
  on_read(address_of(in), found == nullptr ? size : address_of(found) - address_of(in) + 1, pc);
  return found;
}

std::size_t (*real_strlen)(const char*) = nullptr;
std::size_t my_strlen(const char* text) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t length = real_strlen(text);
  on_read(address_of(text), length + 1, pc);
  return length;
}

std::size_t (*real_strnlen)(const char*, std::size_t) = nullptr;
std::size_t my_strnlen(const char* text, std::size_t most) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t length = real_strnlen(text, most);
  on_read(address_of(text), std::min(length + 1, most), pc);
  return length;
}

int (*real_strcmp)(const char*, const char*) = nullptr;
int my_strcmp(const char* one, const char* other) noexcept {
  const std::uintptr_t pc = caller();
  std::size_t same = 0;
  while (one[same] == other[same] && one[same] != '\0') ++same;
  on_read(address_of(one), same + 1, pc);
  on_read(address_of(other), same + 1, pc);
  return real_strcmp(one, other);
}

int (*real_strncmp)(const char*, const char*, std::size_t) = nullptr;
int my_strncmp(const char* one, const char* other, std::size_t most) noexcept {
  const std::uintptr_t pc = caller();
  std::size_t same = 0;
  while (same < most && one[same] == other[same] && one[same] != '\0') ++same;
  on_read(address_of(one), std::min(same + 1, most), pc);
  on_read(address_of(other), std::min(same + 1, most), pc);
  return real_strncmp(one, other, most);
}

char* (*real_strchr)(const char*, int) = nullptr;
char* my_strchr(const char* text, int letter) noexcept {
  const std::uintptr_t pc = caller();
  char* const found = real_strchr(text, letter);
  on_read(address_of(text), found == nullptr ? std::strlen(text) + 1 : address_of(found) - address_of(text) + 1, pc);
  return found;
}

char* (*real_strrchr)(const char*, int) = nullptr;
char* my_strrchr(const char* text, int letter) noexcept {
  const std::uintptr_t pc = caller();
  char* const found = real_strrchr(text, letter);
  on_read(address_of(text), std::strlen(text) + 1, pc);
  return found;
}

char* (*real_strcpy)(char*, const char*) = nullptr;
char* my_strcpy(char* to, const char* from) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t size = std::strlen(from) + 1;
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_strcpy(to, from);
}

char* (*real_stpcpy)(char*, const char*) = nullptr;
char* my_stpcpy(char* to, const char* from) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t size = std::strlen(from) + 1;
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_stpcpy(to, from);
}

char* (*real_strcpy_chk)(char*, const char*, std::size_t) = nullptr;
char* my_strcpy_chk(char* to, const char* from, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t size = std::strlen(from) + 1;
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return real_strcpy_chk(to, from, room);
}

char* (*real_strncpy)(char*, const char*, std::size_t) = nullptr;
char* my_strncpy(char* to, const char* from, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), std::min(strnlen(from, size) + 1, size), pc);
  on_write(address_of(to), size, pc);
  return real_strncpy(to, from, size);
}

char* (*real_strncpy_chk)(char*, const char*, std::size_t, std::size_t) = nullptr;
char* my_strncpy_chk(char* to, const char* from, std::size_t size, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  on_read(address_of(from), std::min(strnlen(from, size) + 1, size), pc);
  on_write(address_of(to), size, pc);
  return real_strncpy_chk(to, from, size, room);
}

char* (*real_strcat)(char*, const char*) = nullptr;
char* my_strcat(char* to, const char* from) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t before = std::strlen(to);
  const std::size_t size = std::strlen(from) + 1;
  on_read(address_of(to), before, pc);
  on_read(address_of(from), size, pc);
  on_write(address_of(to) + before, size, pc);
  return real_strcat(to, from);
}

char* (*real_strcat_chk)(char*, const char*, std::size_t) = nullptr;
char* my_strcat_chk(char* to, const char* from, std::size_t room) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t before = std::strlen(to);
  const std::size_t size = std::strlen(from) + 1;
  on_read(address_of(to), before, pc);
  on_read(address_of(from), size, pc);
  on_write(address_of(to) + before, size, pc);
  return real_strcat_chk(to, from, room);
}

char* (*real_strdup)(const char*) = nullptr;
char* my_strdup(const char* text) noexcept {
  const std::uintptr_t pc = caller();
  const std::size_t size = std::strlen(text) + 1;
  on_read(address_of(text), size, pc);
  char* const made = real_strdup(text);
  if (made != nullptr) on_write(address_of(made), size, pc);
  return made;
}

const Replacement kAll[] = {
    {"memcpy", reinterpret_cast<void*>(my_memcpy), reinterpret_cast<void**>(&real_memcpy)},
    {"memmove", reinterpret_cast<void*>(my_memmove), reinterpret_cast<void**>(&real_memmove)},
    {"mempcpy", reinterpret_cast<void*>(my_mempcpy), reinterpret_cast<void**>(&real_mempcpy)},
    {"__memcpy_chk", reinterpret_cast<void*>(my_memcpy_chk), reinterpret_cast<void**>(&real_memcpy_chk)},
    {"__memmove_chk", reinterpret_cast<void*>(my_memmove_chk), reinterpret_cast<void**>(&real_memmove_chk)},
    {"__mempcpy_chk", reinterpret_cast<void*>(my_mempcpy_chk), reinterpret_cast<void**>(&real_mempcpy_chk)},
    {"memset", reinterpret_cast<void*>(my_memset), reinterpret_cast<void**>(&real_memset)},
    {"__memset_chk", reinterpret_cast<void*>(my_memset_chk), reinterpret_cast<void**>(&real_memset_chk)},
    {"memcmp", reinterpret_cast<void*>(my_memcmp), reinterpret_cast<void**>(&real_memcmp)},
    {"bcmp", reinterpret_cast<void*>(my_bcmp), reinterpret_cast<void**>(&real_bcmp)},
    {"memchr", reinterpret_cast<void*>(my_memchr), reinterpret_cast<void**>(&real_memchr)},
    {"strlen", reinterpret_cast<void*>(my_strlen), reinterpret_cast<void**>(&real_strlen)},
    {"strnlen", reinterpret_cast<void*>(my_strnlen), reinterpret_cast<void**>(&real_strnlen)},
    {"strcmp", reinterpret_cast<void*>(my_strcmp), reinterpret_cast<void**>(&real_strcmp)},
    {"strncmp", reinterpret_cast<void*>(my_strncmp), reinterpret_cast<void**>(&real_strncmp)},
    {"strchr", reinterpret_cast<void*>(my_strchr), reinterpret_cast<void**>(&real_strchr)},
    {"strrchr", reinterpret_cast<void*>(my_strrchr), reinterpret_cast<void**>(&real_strrchr)},
    {"strcpy", reinterpret_cast<void*>(my_strcpy), reinterpret_cast<void**>(&real_strcpy)},
    {"stpcpy", reinterpret_cast<void*>(my_stpcpy), reinterpret_cast<void**>(&real_stpcpy)},
    {"__strcpy_chk", reinterpret_cast<void*>(my_strcpy_chk), reinterpret_cast<void**>(&real_strcpy_chk)},
    {"strncpy", reinterpret_cast<void*>(my_strncpy), reinterpret_cast<void**>(&real_strncpy)},
    {"__strncpy_chk", reinterpret_cast<void*>(my_strncpy_chk), reinterpret_cast<void**>(&real_strncpy_chk)},
    {"strcat", reinterpret_cast<void*>(my_strcat), reinterpret_cast<void**>(&real_strcat)},
    {"__strcat_chk", reinterpret_cast<void*>(my_strcat_chk), reinterpret_cast<void**>(&real_strcat_chk)},
    {"strdup", reinterpret_cast<void*>(my_strdup), reinterpret_cast<void**>(&real_strdup)},
};

}  // namespace

std::span<const Replacement> memory_replacements() noexcept { return kAll; }

}  // namespace vigil::shim
