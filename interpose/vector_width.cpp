#include "interpose/vector_width.hpp"

#include <cpuid.h>

#include <atomic>

namespace vigil::shim {
namespace {

// relaxed: every thread finds the same.
constinit std::atomic<VectorWidth> known_width{VectorWidth::Unknown};

// Which of its parts the system saves at a switch of threads, and so lets programs use.
std::uint32_t saved_parts() noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

VectorWidth find_width() noexcept {
  constexpr std::uint32_t kHasParts = 1U << 27U;  // leaf 1, ecx: xgetbv may be asked
  constexpr std::uint32_t kHasAvx = 1U << 28U;
  constexpr std::uint32_t kHasAvx2 = 1U << 5U;                 // leaf 7, ebx
  constexpr std::uint32_t kHasAvx512 = 1U << 16U | 1U << 31U;  // F, and VL
  constexpr std::uint32_t kAvxParts = 0x6;                     // the halves
  constexpr std::uint32_t kAvx512Parts = 0xe6;                 // and masks, upper halves, upper sixteen
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kHasParts) == 0 || (c & kHasAvx) == 0) return VectorWidth::Sse;
  const std::uint32_t parts = saved_parts();
  if ((parts & kAvxParts) != kAvxParts) return VectorWidth::Sse;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & kHasAvx2) == 0) return VectorWidth::Avx;
  const bool has_512 = (b & kHasAvx512) == kHasAvx512 && (parts & kAvx512Parts) == kAvx512Parts;
  return has_512 ? VectorWidth::Avx512 : VectorWidth::Avx2;
}

}  // namespace

VectorWidth vector_width() noexcept {
  VectorWidth known = known_width.load(std::memory_order_relaxed);
  if (known == VectorWidth::Unknown) known_width.store(known = find_width(), std::memory_order_relaxed);
  return known;
}

}  // namespace vigil::shim
