// How wide the vectors are that programs may use here: by the processor, and by the system, which has to keep them when
// threads change.
#pragma once

#include <cstdint>

namespace vigil::shim {

// Each has all of those before it.
enum class VectorWidth : std::uint8_t { Unknown, Sse, Avx, Avx2, Avx512 };

// Never Unknown. Of AVX-512 the foundation and its forms for narrower vectors. Cost: a load, but for the first time.
VectorWidth vector_width() noexcept;

}  // namespace vigil::shim
