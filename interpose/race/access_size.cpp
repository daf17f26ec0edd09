#include "interpose/race/access_size.hpp"

#include <array>
#include <cstring>

#include "interpose/stacks/safe_read.hpp"

// tsan_abi.cpp
extern "C" void __tsan_read1(void* at) noexcept;
extern "C" void __tsan_read2(void* at) noexcept;
extern "C" void __tsan_read4(void* at) noexcept;
extern "C" void __tsan_read8(void* at) noexcept;
extern "C" void __tsan_read16(void* at) noexcept;
extern "C" void __tsan_write1(void* at) noexcept;
extern "C" void __tsan_write2(void* at) noexcept;
extern "C" void __tsan_write4(void* at) noexcept;
extern "C" void __tsan_write8(void* at) noexcept;
extern "C" void __tsan_write16(void* at) noexcept;
extern "C" void __tsan_volatile_read1(void* at) noexcept;
extern "C" void __tsan_volatile_read2(void* at) noexcept;
extern "C" void __tsan_volatile_read4(void* at) noexcept;
extern "C" void __tsan_volatile_read8(void* at) noexcept;
extern "C" void __tsan_volatile_read16(void* at) noexcept;
extern "C" void __tsan_volatile_write1(void* at) noexcept;
extern "C" void __tsan_volatile_write2(void* at) noexcept;
extern "C" void __tsan_volatile_write4(void* at) noexcept;
extern "C" void __tsan_volatile_write8(void* at) noexcept;
extern "C" void __tsan_volatile_write16(void* at) noexcept;
extern "C" void __tsan_unaligned_read2(void* at) noexcept;
extern "C" void __tsan_unaligned_read4(void* at) noexcept;
extern "C" void __tsan_unaligned_read8(void* at) noexcept;
extern "C" void __tsan_unaligned_read16(void* at) noexcept;
extern "C" void __tsan_unaligned_write2(void* at) noexcept;
extern "C" void __tsan_unaligned_write4(void* at) noexcept;
extern "C" void __tsan_unaligned_write8(void* at) noexcept;
extern "C" void __tsan_unaligned_write16(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_read2(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_read4(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_read8(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_read16(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_write2(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_write4(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_write8(void* at) noexcept;
extern "C" void __tsan_unaligned_volatile_write16(void* at) noexcept;

namespace vigil::shim::race {
namespace {

struct Entry {
  void (*function)(void*);
  std::size_t bytes;
};
constexpr Entry kEntries[] = {
    {__tsan_read1, 1},
    {__tsan_read2, 2},
    {__tsan_read4, 4},
    {__tsan_read8, 8},
    {__tsan_read16, 16},
    {__tsan_write1, 1},
    {__tsan_write2, 2},
    {__tsan_write4, 4},
    {__tsan_write8, 8},
    {__tsan_write16, 16},
    {__tsan_volatile_read1, 1},
    {__tsan_volatile_read2, 2},
    {__tsan_volatile_read4, 4},
    {__tsan_volatile_read8, 8},
    {__tsan_volatile_read16, 16},
    {__tsan_volatile_write1, 1},
    {__tsan_volatile_write2, 2},
    {__tsan_volatile_write4, 4},
    {__tsan_volatile_write8, 8},
    {__tsan_volatile_write16, 16},
    {__tsan_unaligned_read2, 2},
    {__tsan_unaligned_read4, 4},
    {__tsan_unaligned_read8, 8},
    {__tsan_unaligned_read16, 16},
    {__tsan_unaligned_write2, 2},
    {__tsan_unaligned_write4, 4},
    {__tsan_unaligned_write8, 8},
    {__tsan_unaligned_write16, 16},
    {__tsan_unaligned_volatile_read2, 2},
    {__tsan_unaligned_volatile_read4, 4},
    {__tsan_unaligned_volatile_read8, 8},
    {__tsan_unaligned_volatile_read16, 16},
    {__tsan_unaligned_volatile_write2, 2},
    {__tsan_unaligned_volatile_write4, 4},
    {__tsan_unaligned_volatile_write8, 8},
    {__tsan_unaligned_volatile_write16, 16},
};

// Some bytes of code, copied; all zero where there is none any more.
template <std::size_t kBytes>
std::array<std::uint8_t, kBytes> code_at(std::uintptr_t address) noexcept {
  std::array<std::uint8_t, kBytes> bytes{};
  // A word is readable or not; those that hold the first byte and the last.
  for (const std::uintptr_t at : {address, address + kBytes - 1}) {
    if (!unwind::is_readable(at & ~std::uintptr_t{7})) return bytes;
  }
  std::memcpy(bytes.data(), reinterpret_cast<const void*>(address), kBytes);
  return bytes;
}

// What lies `displacement` behind `next`: a place of code, or of a word that has one.
std::uintptr_t at_distance(std::uintptr_t next, const std::uint8_t* displacement) noexcept {
  std::int32_t distance = 0;
  std::memcpy(&distance, displacement, sizeof(distance));
  return next + static_cast<std::uintptr_t>(static_cast<std::intptr_t>(distance));
}
std::uintptr_t word_at(std::uintptr_t address) noexcept {
  std::uintptr_t word = 0;
  const auto bytes = code_at<sizeof(word)>(address);
  std::memcpy(&word, bytes.data(), sizeof(word));
  return word;
}

// Where the call before that address leads: directly, or by a word of the table of functions.
std::uintptr_t called_before(std::uintptr_t return_address) noexcept {
  const auto code = code_at<6>(return_address - 6);
  if (code[1] == 0xe8) return at_distance(return_address, &code[2]);
  if (code[0] == 0xff && code[1] == 0x15) return word_at(at_distance(return_address, &code[2]));
  return 0;
}

// The linker's stubs jump by a word of that table, after a landing mark (endbr64) or not, with a prefix (bnd) or not.
std::uintptr_t behind_stub(std::uintptr_t target) noexcept {
  const auto code = code_at<11>(target);
  constexpr std::array<std::uint8_t, 4> kMark{0xf3, 0x0f, 0x1e, 0xfa};
  std::size_t at = std::memcmp(code.data(), kMark.data(), kMark.size()) == 0 ? kMark.size() : 0;
  if (code[at] == 0xf2) ++at;
  if (code[at] != 0xff || code[at + 1] != 0x25) return target;
  return at + 6 <= code.size() ? word_at(at_distance(target + at + 6, &code[at + 2])) : 0;
}

}  // namespace

std::size_t size_of_access_at(std::uintptr_t return_address) noexcept {
  const std::uintptr_t called = called_before(return_address);
  if (called == 0) return 0;
  const std::uintptr_t function = behind_stub(called);
  for (const Entry& entry : kEntries) {
    if (reinterpret_cast<std::uintptr_t>(entry.function) == function) return entry.bytes;
  }
  return 0;
}

}  // namespace vigil::shim::race
