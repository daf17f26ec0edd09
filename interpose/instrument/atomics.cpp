// The atomic entry points that g++ and clang call in instrumented code: the real operation and nothing else. Preloaded,
// the shim's own of the same names come first.
//
// One line each, in the order of the compilers' tables. The two forms of compare-exchange are g++'s (int, expected by
// address) and clang's (the old value).
#include <cstdint>

#include "interpose/instrument/real_atomics.hpp"

namespace {

namespace real = vigil::instrument;

using A8 = std::uint8_t;
using A16 = std::uint16_t;
using A32 = std::uint32_t;
using A64 = std::uint64_t;
using A128 = real::Wide;

template <class T>
int compare_exchange(volatile T* at, T* expected, T wanted, int order) noexcept {
  return real::compare_exchange(at, *expected, wanted, order) ? 1 : 0;
}
template <class T>
T compare_exchange_val(volatile T* at, T expected, T wanted, int order) noexcept {
  real::compare_exchange(at, expected, wanted, order);
  return expected;
}

}  // namespace

extern "C" {
#pragma GCC visibility push(default)
// clang-format off

A8 __tsan_atomic8_load(const volatile A8* at, int order) noexcept { return real::load(at, order); }
void __tsan_atomic8_store(volatile A8* at, A8 value, int order) noexcept { real::store(at, value, order); }
A8 __tsan_atomic8_exchange(volatile A8* at, A8 value, int order) noexcept { return real::exchange(at, value, order); }
A8 __tsan_atomic8_fetch_add(volatile A8* at, A8 value, int order) noexcept { return real::fetch_add(at, value, order); }
A8 __tsan_atomic8_fetch_sub(volatile A8* at, A8 value, int order) noexcept { return real::fetch_sub(at, value, order); }
A8 __tsan_atomic8_fetch_and(volatile A8* at, A8 value, int order) noexcept { return real::fetch_and(at, value, order); }
A8 __tsan_atomic8_fetch_or(volatile A8* at, A8 value, int order) noexcept { return real::fetch_or(at, value, order); }
A8 __tsan_atomic8_fetch_xor(volatile A8* at, A8 value, int order) noexcept { return real::fetch_xor(at, value, order); }
A8 __tsan_atomic8_fetch_nand(volatile A8* at, A8 value, int order) noexcept { return real::fetch_nand(at, value, order); }
int __tsan_atomic8_compare_exchange_strong(volatile A8* at, A8* expected, A8 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
int __tsan_atomic8_compare_exchange_weak(volatile A8* at, A8* expected, A8 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
A8 __tsan_atomic8_compare_exchange_val(volatile A8* at, A8 expected, A8 wanted, int order, int /*failure*/) noexcept { return compare_exchange_val(at, expected, wanted, order); }

A16 __tsan_atomic16_load(const volatile A16* at, int order) noexcept { return real::load(at, order); }
void __tsan_atomic16_store(volatile A16* at, A16 value, int order) noexcept { real::store(at, value, order); }
A16 __tsan_atomic16_exchange(volatile A16* at, A16 value, int order) noexcept { return real::exchange(at, value, order); }
A16 __tsan_atomic16_fetch_add(volatile A16* at, A16 value, int order) noexcept { return real::fetch_add(at, value, order); }
A16 __tsan_atomic16_fetch_sub(volatile A16* at, A16 value, int order) noexcept { return real::fetch_sub(at, value, order); }
A16 __tsan_atomic16_fetch_and(volatile A16* at, A16 value, int order) noexcept { return real::fetch_and(at, value, order); }
A16 __tsan_atomic16_fetch_or(volatile A16* at, A16 value, int order) noexcept { return real::fetch_or(at, value, order); }
A16 __tsan_atomic16_fetch_xor(volatile A16* at, A16 value, int order) noexcept { return real::fetch_xor(at, value, order); }
A16 __tsan_atomic16_fetch_nand(volatile A16* at, A16 value, int order) noexcept { return real::fetch_nand(at, value, order); }
int __tsan_atomic16_compare_exchange_strong(volatile A16* at, A16* expected, A16 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
int __tsan_atomic16_compare_exchange_weak(volatile A16* at, A16* expected, A16 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
A16 __tsan_atomic16_compare_exchange_val(volatile A16* at, A16 expected, A16 wanted, int order, int /*failure*/) noexcept { return compare_exchange_val(at, expected, wanted, order); }

A32 __tsan_atomic32_load(const volatile A32* at, int order) noexcept { return real::load(at, order); }
void __tsan_atomic32_store(volatile A32* at, A32 value, int order) noexcept { real::store(at, value, order); }
A32 __tsan_atomic32_exchange(volatile A32* at, A32 value, int order) noexcept { return real::exchange(at, value, order); }
A32 __tsan_atomic32_fetch_add(volatile A32* at, A32 value, int order) noexcept { return real::fetch_add(at, value, order); }
A32 __tsan_atomic32_fetch_sub(volatile A32* at, A32 value, int order) noexcept { return real::fetch_sub(at, value, order); }
A32 __tsan_atomic32_fetch_and(volatile A32* at, A32 value, int order) noexcept { return real::fetch_and(at, value, order); }
A32 __tsan_atomic32_fetch_or(volatile A32* at, A32 value, int order) noexcept { return real::fetch_or(at, value, order); }
A32 __tsan_atomic32_fetch_xor(volatile A32* at, A32 value, int order) noexcept { return real::fetch_xor(at, value, order); }
A32 __tsan_atomic32_fetch_nand(volatile A32* at, A32 value, int order) noexcept { return real::fetch_nand(at, value, order); }
int __tsan_atomic32_compare_exchange_strong(volatile A32* at, A32* expected, A32 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
int __tsan_atomic32_compare_exchange_weak(volatile A32* at, A32* expected, A32 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
A32 __tsan_atomic32_compare_exchange_val(volatile A32* at, A32 expected, A32 wanted, int order, int /*failure*/) noexcept { return compare_exchange_val(at, expected, wanted, order); }

A64 __tsan_atomic64_load(const volatile A64* at, int order) noexcept { return real::load(at, order); }
void __tsan_atomic64_store(volatile A64* at, A64 value, int order) noexcept { real::store(at, value, order); }
A64 __tsan_atomic64_exchange(volatile A64* at, A64 value, int order) noexcept { return real::exchange(at, value, order); }
A64 __tsan_atomic64_fetch_add(volatile A64* at, A64 value, int order) noexcept { return real::fetch_add(at, value, order); }
A64 __tsan_atomic64_fetch_sub(volatile A64* at, A64 value, int order) noexcept { return real::fetch_sub(at, value, order); }
A64 __tsan_atomic64_fetch_and(volatile A64* at, A64 value, int order) noexcept { return real::fetch_and(at, value, order); }
A64 __tsan_atomic64_fetch_or(volatile A64* at, A64 value, int order) noexcept { return real::fetch_or(at, value, order); }
A64 __tsan_atomic64_fetch_xor(volatile A64* at, A64 value, int order) noexcept { return real::fetch_xor(at, value, order); }
A64 __tsan_atomic64_fetch_nand(volatile A64* at, A64 value, int order) noexcept { return real::fetch_nand(at, value, order); }
int __tsan_atomic64_compare_exchange_strong(volatile A64* at, A64* expected, A64 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
int __tsan_atomic64_compare_exchange_weak(volatile A64* at, A64* expected, A64 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
A64 __tsan_atomic64_compare_exchange_val(volatile A64* at, A64 expected, A64 wanted, int order, int /*failure*/) noexcept { return compare_exchange_val(at, expected, wanted, order); }

A128 __tsan_atomic128_load(const volatile A128* at, int order) noexcept { return real::load(at, order); }
void __tsan_atomic128_store(volatile A128* at, A128 value, int order) noexcept { real::store(at, value, order); }
A128 __tsan_atomic128_exchange(volatile A128* at, A128 value, int order) noexcept { return real::exchange(at, value, order); }
A128 __tsan_atomic128_fetch_add(volatile A128* at, A128 value, int order) noexcept { return real::fetch_add(at, value, order); }
A128 __tsan_atomic128_fetch_sub(volatile A128* at, A128 value, int order) noexcept { return real::fetch_sub(at, value, order); }
A128 __tsan_atomic128_fetch_and(volatile A128* at, A128 value, int order) noexcept { return real::fetch_and(at, value, order); }
A128 __tsan_atomic128_fetch_or(volatile A128* at, A128 value, int order) noexcept { return real::fetch_or(at, value, order); }
A128 __tsan_atomic128_fetch_xor(volatile A128* at, A128 value, int order) noexcept { return real::fetch_xor(at, value, order); }
A128 __tsan_atomic128_fetch_nand(volatile A128* at, A128 value, int order) noexcept { return real::fetch_nand(at, value, order); }
int __tsan_atomic128_compare_exchange_strong(volatile A128* at, A128* expected, A128 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
int __tsan_atomic128_compare_exchange_weak(volatile A128* at, A128* expected, A128 wanted, int order, int /*failure*/) noexcept { return compare_exchange(at, expected, wanted, order); }
A128 __tsan_atomic128_compare_exchange_val(volatile A128* at, A128 expected, A128 wanted, int order, int /*failure*/) noexcept { return compare_exchange_val(at, expected, wanted, order); }

void __tsan_atomic_thread_fence(int order) noexcept { real::thread_fence(order); }
void __tsan_atomic_signal_fence(int order) noexcept { real::signal_fence(order); }

// clang-format on
#pragma GCC visibility pop
}
