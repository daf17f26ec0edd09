#include "interpose/leaks/wide_registers.hpp"

#include "interpose/vector_width.hpp"

namespace vigil::shim::leaks {

// Whoever calls a function keeps nothing in any of these: no list of them is needed, nor one that the compiler knows.
[[gnu::noinline]] void forget_wide_registers() noexcept {
  const VectorWidth has = vector_width();
  if (has >= VectorWidth::Avx) asm volatile("vzeroupper");
  asm volatile(
      "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
      "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\tpxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
      "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\tpxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
      "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\tpxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15" ::
          : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
            "xmm13", "xmm14", "xmm15");
  if (has < VectorWidth::Avx512) return;
  // Of 128 bits: the rest of a register is cleared with them.
  asm volatile(
      "vpxord %xmm16, %xmm16, %xmm16\n\tvpxord %xmm17, %xmm17, %xmm17\n\tvpxord %xmm18, %xmm18, %xmm18\n\t"
      "vpxord %xmm19, %xmm19, %xmm19\n\tvpxord %xmm20, %xmm20, %xmm20\n\tvpxord %xmm21, %xmm21, %xmm21\n\t"
      "vpxord %xmm22, %xmm22, %xmm22\n\tvpxord %xmm23, %xmm23, %xmm23\n\tvpxord %xmm24, %xmm24, %xmm24\n\t"
      "vpxord %xmm25, %xmm25, %xmm25\n\tvpxord %xmm26, %xmm26, %xmm26\n\tvpxord %xmm27, %xmm27, %xmm27\n\t"
      "vpxord %xmm28, %xmm28, %xmm28\n\tvpxord %xmm29, %xmm29, %xmm29\n\tvpxord %xmm30, %xmm30, %xmm30\n\t"
      "vpxord %xmm31, %xmm31, %xmm31\n\t"
      "kxorw %k0, %k0, %k0\n\tkxorw %k1, %k1, %k1\n\tkxorw %k2, %k2, %k2\n\tkxorw %k3, %k3, %k3\n\t"
      "kxorw %k4, %k4, %k4\n\tkxorw %k5, %k5, %k5\n\tkxorw %k6, %k6, %k6\n\tkxorw %k7, %k7, %k7");
}

}  // namespace vigil::shim::leaks
