// AccessWord: who, when, which bytes of a granule, and how, in one word.
//
//   slot 28 | time 25 | freed 1 | atomic 1 | write 1 | bytes 8        (the upper 53 bits are an Epoch's)
//
// A free is a write that later accesses may not follow even when they come after it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

inline constexpr unsigned kGranuleBytes = 8;
// Those bytes of a granule, a bit for each.
constexpr std::uint64_t bytes_mask(std::size_t first, std::size_t count) noexcept {
  return (((std::uint64_t{1} << count) - 1) << first) & 0xff;
}

class AccessWord {
 public:
  static constexpr std::uint64_t kBytes = 0xff;
  static constexpr std::uint64_t kLastByte = 1U << 7U;
  static constexpr std::uint64_t kWrite = 1U << 8U;
  static constexpr std::uint64_t kAtomic = 1U << 9U;
  static constexpr std::uint64_t kFreed = 1U << 10U;
  static constexpr std::uint64_t kEpoch = ~((std::uint64_t{1} << kSpareBits) - 1);

  constexpr AccessWord() noexcept = default;  // no access
  constexpr explicit AccessWord(std::uint64_t bits) noexcept : bits_(bits) {}
  // how: bytes and flags.
  constexpr AccessWord(Epoch at, std::uint64_t how) noexcept : bits_(at.bits() | how) {}

  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] constexpr Epoch at() const noexcept { return Epoch::from_bits(bits_ & kEpoch); }
  [[nodiscard]] constexpr std::uint64_t bytes() const noexcept { return bits_ & kBytes; }
  [[nodiscard]] constexpr bool is_write() const noexcept { return (bits_ & kWrite) != 0; }
  [[nodiscard]] constexpr bool is_atomic() const noexcept { return (bits_ & kAtomic) != 0; }
  [[nodiscard]] constexpr bool is_free() const noexcept { return (bits_ & kFreed) != 0; }
  [[nodiscard]] constexpr std::uint64_t sort() const noexcept { return bits_ & (kWrite | kAtomic | kFreed); }
  [[nodiscard]] constexpr bool same_epoch(AccessWord other) const noexcept { return at() == other.at(); }
  // Whether this access races with everything that other races with, time aside: it is a write or a free if other is
  // one, and atomic only if other is.
  [[nodiscard, gnu::always_inline]] constexpr bool as_strong_as(AccessWord other) const noexcept {
    return ((other.bits_ & ~bits_ & (kWrite | kFreed)) | (bits_ & ~other.bits_ & kAtomic)) == 0;
  }
  [[nodiscard]] constexpr bool clashes_with(AccessWord other) const noexcept {
    return (is_write() || other.is_write()) && !(is_atomic() && other.is_atomic());
  }
  [[nodiscard]] constexpr AccessWord with_bytes(std::uint64_t bytes) const noexcept {
    return AccessWord((bits_ & ~kBytes) | bytes);
  }
  // The first byte of the granule that it touched, and how many lie between its first and last.
  [[nodiscard]] constexpr unsigned first_byte() const noexcept {
    return static_cast<unsigned>(std::countr_zero(bytes()));
  }
  [[nodiscard]] constexpr unsigned span_bytes() const noexcept {
    return static_cast<unsigned>(std::bit_width(bytes())) - first_byte();
  }
  friend constexpr bool operator==(AccessWord, AccessWord) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};
static_assert(AccessWord::kEpoch == ~std::uint64_t{0x7ff});

}  // namespace vigil::shim::race
