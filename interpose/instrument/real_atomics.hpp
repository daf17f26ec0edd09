// Real atomic operations on 1, 2, 4, 8 and 16 bytes, with the memory order given at run time as the compilers give it:
// the numbers of the C standard, 0 to 5, in the low 15 bits; g++ sets higher bits for hints of its own.
//
// x86-64 knows two costs only: a plain store against one that is a full barrier, and fence against no fence. Every load
// is an acquire, every read-modify-write is sequentially consistent, and an opaque call keeps the compiler from moving
// anything. So those are the only orders that are asked. Sixteen bytes go by cmpxchg16b, as in libatomic: both may be
// used on one object.
#pragma once

#include <cstdint>

namespace vigil::instrument {

__extension__ using Wide = unsigned __int128;

constexpr int kOrderBits = 0x7fff;

constexpr bool is_sequential(int order) noexcept { return (order & kOrderBits) == __ATOMIC_SEQ_CST; }

template <class T>
inline T load(const volatile T* at, int /*order*/) noexcept {
  return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}
template <class T>
inline void store(volatile T* at, T value, int order) noexcept {
  if (is_sequential(order)) {
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);
  } else {
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
  }
}
template <class T>
inline T exchange(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_add(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_sub(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_and(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_or(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_xor(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST);
}
template <class T>
inline T fetch_nand(volatile T* at, T value, int /*order*/) noexcept {
  return __atomic_fetch_nand(at, value, __ATOMIC_SEQ_CST);
}
// Stores wanted if *at is expected; else expected becomes what is there. A weak exchange may be this strong one.
template <class T>
inline bool compare_exchange(volatile T* at, T& expected, T wanted, int /*order*/) noexcept {
  return __atomic_compare_exchange_n(at, &expected, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

// ---- sixteen bytes: every operation is a compare-exchange, which orders as the strongest does
// ---------------------------

inline bool compare_exchange(volatile Wide* at, Wide& expected, Wide wanted, int /*order*/) noexcept {
  auto low = static_cast<std::uint64_t>(expected);
  auto high = static_cast<std::uint64_t>(expected >> 64U);
  bool done = false;
  asm volatile("lock cmpxchg16b %[at]"
               : [at] "+m"(*at), "+a"(low), "+d"(high), "=@ccz"(done)
               : "b"(static_cast<std::uint64_t>(wanted)), "c"(static_cast<std::uint64_t>(wanted >> 64U))
               : "memory");
  expected = static_cast<Wide>(high) << 64U | low;
  return done;
}
// Writes what is there when that is zero: the object has to be writable, as for libatomic.
inline Wide load(const volatile Wide* at, int order) noexcept {
  Wide found = 0;
  compare_exchange(const_cast<volatile Wide*>(at), found, Wide{0}, order);
  return found;
}
template <class Change>
inline Wide change(volatile Wide* at, Change&& changed) noexcept {
  Wide found = 0;  // a wrong guess costs one round
  while (!compare_exchange(at, found, changed(found), __ATOMIC_SEQ_CST)) {
  }
  return found;
}
inline Wide exchange(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide /*old*/) { return value; });
}
inline void store(volatile Wide* at, Wide value, int order) noexcept { exchange(at, value, order); }
inline Wide fetch_add(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return old + value; });
}
inline Wide fetch_sub(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return old - value; });
}
inline Wide fetch_and(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return old & value; });
}
inline Wide fetch_or(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return old | value; });
}
inline Wide fetch_xor(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return old ^ value; });
}
inline Wide fetch_nand(volatile Wide* at, Wide value, int /*order*/) noexcept {
  return change(at, [&](Wide old) { return ~(old & value); });
}

inline void thread_fence(int order) noexcept {
  if (is_sequential(order)) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
inline void signal_fence(int /*order*/) noexcept { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

}  // namespace vigil::instrument
