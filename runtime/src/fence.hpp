// A full fence: stores before it are visible before loads after it are made.
#pragma once

#include <atomic>

#include "runtime/src/sanitizer_fiber.hpp"

namespace vigil::detail {

inline void full_fence() noexcept {
#if defined(VIGIL_TSAN)
  // The thread sanitizer does not know fences. A locked instruction is one on the processors we run on, and the flags
  // that are ordered here are atomics themselves, so the sanitizer loses nothing.
  static constinit std::atomic<unsigned> anything{0};
  anything.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace vigil::detail
