// The atomic entry points of the sanitizer's ABI: one line each, in the order of libvigil_instrument.so's own. The two
// forms of compare-exchange are g++'s (int, expected by address) and clang's (the old value).
//
// Compiled with optimisation in every preset: calls to the sanitizer's own runtime must be jumps (entry.hpp).
#include <cstdint>

#include "interpose/export.hpp"
#include "interpose/race/atomics.hpp"
#include "interpose/race/entry.hpp"

using namespace vigil::shim::race;  // the entry points stand outside every namespace

namespace {

namespace real = vigil::instrument;

using A8 = std::uint8_t;
using A16 = std::uint16_t;
using A32 = std::uint32_t;
using A64 = std::uint64_t;
using A128 = real::Wide;

template <class T>
T load(std::uintptr_t pc, const volatile T* at, int order) noexcept {
  return atomics::load(at, order, pc);
}
template <class T>
void store(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  atomics::store(at, value, order, pc);
}
template <class T>
T exchange(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::exchange(at, value, order); });
}
template <class T>
T fetch_add(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_add(at, value, order); });
}
template <class T>
T fetch_sub(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_sub(at, value, order); });
}
template <class T>
T fetch_and(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_and(at, value, order); });
}
template <class T>
T fetch_or(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_or(at, value, order); });
}
template <class T>
T fetch_xor(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_xor(at, value, order); });
}
template <class T>
T fetch_nand(std::uintptr_t pc, volatile T* at, T value, int order) noexcept {
  return atomics::change<T>(at, order, pc, [&] { return real::fetch_nand(at, value, order); });
}
template <class T>
int compare_exchange(std::uintptr_t pc, volatile T* at, T* expected, T wanted, int order, int failure) noexcept {
  return atomics::compare_exchange(at, *expected, wanted, order, failure, pc) ? 1 : 0;
}
template <class T>
T compare_exchange_val(std::uintptr_t pc, volatile T* at, T expected, T wanted, int order, int failure) noexcept {
  atomics::compare_exchange(at, expected, wanted, order, failure, pc);
  return expected;
}
void thread_fence(std::uintptr_t /*pc*/, int order) noexcept {
  real::thread_fence(order);
  atomics::thread_fence(order);
}
void signal_fence(std::uintptr_t /*pc*/, int order) noexcept { real::signal_fence(order); }

}  // namespace

extern "C" {
// clang-format off

VIGIL_EXPORT A8 __tsan_atomic8_load(const volatile A8* at, int order) noexcept { return entry<"__tsan_atomic8_load">(load<A8>, at, order); }
VIGIL_EXPORT void __tsan_atomic8_store(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_store">(store<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_exchange(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_exchange">(exchange<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_add(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_add">(fetch_add<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_sub(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_sub">(fetch_sub<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_and(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_and">(fetch_and<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_or(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_or">(fetch_or<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_xor(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_xor">(fetch_xor<A8>, at, value, order); }
VIGIL_EXPORT A8 __tsan_atomic8_fetch_nand(volatile A8* at, A8 value, int order) noexcept { return entry<"__tsan_atomic8_fetch_nand">(fetch_nand<A8>, at, value, order); }
VIGIL_EXPORT int __tsan_atomic8_compare_exchange_strong(volatile A8* at, A8* expected, A8 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic8_compare_exchange_strong">(compare_exchange<A8>, at, expected, wanted, order, failure); }
VIGIL_EXPORT int __tsan_atomic8_compare_exchange_weak(volatile A8* at, A8* expected, A8 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic8_compare_exchange_weak">(compare_exchange<A8>, at, expected, wanted, order, failure); }
VIGIL_EXPORT A8 __tsan_atomic8_compare_exchange_val(volatile A8* at, A8 expected, A8 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic8_compare_exchange_val">(compare_exchange_val<A8>, at, expected, wanted, order, failure); }

VIGIL_EXPORT A16 __tsan_atomic16_load(const volatile A16* at, int order) noexcept { return entry<"__tsan_atomic16_load">(load<A16>, at, order); }
VIGIL_EXPORT void __tsan_atomic16_store(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_store">(store<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_exchange(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_exchange">(exchange<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_add(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_add">(fetch_add<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_sub(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_sub">(fetch_sub<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_and(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_and">(fetch_and<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_or(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_or">(fetch_or<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_xor(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_xor">(fetch_xor<A16>, at, value, order); }
VIGIL_EXPORT A16 __tsan_atomic16_fetch_nand(volatile A16* at, A16 value, int order) noexcept { return entry<"__tsan_atomic16_fetch_nand">(fetch_nand<A16>, at, value, order); }
VIGIL_EXPORT int __tsan_atomic16_compare_exchange_strong(volatile A16* at, A16* expected, A16 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic16_compare_exchange_strong">(compare_exchange<A16>, at, expected, wanted, order, failure); }
VIGIL_EXPORT int __tsan_atomic16_compare_exchange_weak(volatile A16* at, A16* expected, A16 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic16_compare_exchange_weak">(compare_exchange<A16>, at, expected, wanted, order, failure); }
VIGIL_EXPORT A16 __tsan_atomic16_compare_exchange_val(volatile A16* at, A16 expected, A16 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic16_compare_exchange_val">(compare_exchange_val<A16>, at, expected, wanted, order, failure); }

VIGIL_EXPORT A32 __tsan_atomic32_load(const volatile A32* at, int order) noexcept { return entry<"__tsan_atomic32_load">(load<A32>, at, order); }
VIGIL_EXPORT void __tsan_atomic32_store(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_store">(store<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_exchange(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_exchange">(exchange<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_add(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_add">(fetch_add<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_sub(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_sub">(fetch_sub<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_and(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_and">(fetch_and<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_or(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_or">(fetch_or<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_xor(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_xor">(fetch_xor<A32>, at, value, order); }
VIGIL_EXPORT A32 __tsan_atomic32_fetch_nand(volatile A32* at, A32 value, int order) noexcept { return entry<"__tsan_atomic32_fetch_nand">(fetch_nand<A32>, at, value, order); }
VIGIL_EXPORT int __tsan_atomic32_compare_exchange_strong(volatile A32* at, A32* expected, A32 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic32_compare_exchange_strong">(compare_exchange<A32>, at, expected, wanted, order, failure); }
VIGIL_EXPORT int __tsan_atomic32_compare_exchange_weak(volatile A32* at, A32* expected, A32 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic32_compare_exchange_weak">(compare_exchange<A32>, at, expected, wanted, order, failure); }
VIGIL_EXPORT A32 __tsan_atomic32_compare_exchange_val(volatile A32* at, A32 expected, A32 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic32_compare_exchange_val">(compare_exchange_val<A32>, at, expected, wanted, order, failure); }

VIGIL_EXPORT A64 __tsan_atomic64_load(const volatile A64* at, int order) noexcept { return entry<"__tsan_atomic64_load">(load<A64>, at, order); }
VIGIL_EXPORT void __tsan_atomic64_store(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_store">(store<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_exchange(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_exchange">(exchange<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_add(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_add">(fetch_add<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_sub(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_sub">(fetch_sub<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_and(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_and">(fetch_and<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_or(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_or">(fetch_or<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_xor(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_xor">(fetch_xor<A64>, at, value, order); }
VIGIL_EXPORT A64 __tsan_atomic64_fetch_nand(volatile A64* at, A64 value, int order) noexcept { return entry<"__tsan_atomic64_fetch_nand">(fetch_nand<A64>, at, value, order); }
VIGIL_EXPORT int __tsan_atomic64_compare_exchange_strong(volatile A64* at, A64* expected, A64 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic64_compare_exchange_strong">(compare_exchange<A64>, at, expected, wanted, order, failure); }
VIGIL_EXPORT int __tsan_atomic64_compare_exchange_weak(volatile A64* at, A64* expected, A64 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic64_compare_exchange_weak">(compare_exchange<A64>, at, expected, wanted, order, failure); }
VIGIL_EXPORT A64 __tsan_atomic64_compare_exchange_val(volatile A64* at, A64 expected, A64 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic64_compare_exchange_val">(compare_exchange_val<A64>, at, expected, wanted, order, failure); }

VIGIL_EXPORT A128 __tsan_atomic128_load(const volatile A128* at, int order) noexcept { return entry<"__tsan_atomic128_load">(load<A128>, at, order); }
VIGIL_EXPORT void __tsan_atomic128_store(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_store">(store<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_exchange(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_exchange">(exchange<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_add(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_add">(fetch_add<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_sub(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_sub">(fetch_sub<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_and(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_and">(fetch_and<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_or(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_or">(fetch_or<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_xor(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_xor">(fetch_xor<A128>, at, value, order); }
VIGIL_EXPORT A128 __tsan_atomic128_fetch_nand(volatile A128* at, A128 value, int order) noexcept { return entry<"__tsan_atomic128_fetch_nand">(fetch_nand<A128>, at, value, order); }
VIGIL_EXPORT int __tsan_atomic128_compare_exchange_strong(volatile A128* at, A128* expected, A128 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic128_compare_exchange_strong">(compare_exchange<A128>, at, expected, wanted, order, failure); }
VIGIL_EXPORT int __tsan_atomic128_compare_exchange_weak(volatile A128* at, A128* expected, A128 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic128_compare_exchange_weak">(compare_exchange<A128>, at, expected, wanted, order, failure); }
VIGIL_EXPORT A128 __tsan_atomic128_compare_exchange_val(volatile A128* at, A128 expected, A128 wanted, int order, int failure) noexcept { return entry<"__tsan_atomic128_compare_exchange_val">(compare_exchange_val<A128>, at, expected, wanted, order, failure); }

VIGIL_EXPORT void __tsan_atomic_thread_fence(int order) noexcept { return entry<"__tsan_atomic_thread_fence">(thread_fence, order); }
VIGIL_EXPORT void __tsan_atomic_signal_fence(int order) noexcept { return entry<"__tsan_atomic_signal_fence">(signal_fence, order); }

// clang-format on
}
