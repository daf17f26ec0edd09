// SanitizerFiber: tells the address or thread sanitizer which stack runs. Empty in an ordinary build.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define VIGIL_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define VIGIL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VIGIL_ASAN 1
#elif __has_feature(thread_sanitizer)
#define VIGIL_TSAN 1
#endif
#endif

#if defined(VIGIL_ASAN)
#include <sanitizer/common_interface_defs.h>

namespace vigil::detail {
struct SanitizerFiber {
  void* fake_stack = nullptr;
  const void* low = nullptr;
  std::size_t bytes = 0;

  void born(const void* stack_low, std::size_t stack_bytes) noexcept {
    fake_stack = nullptr;
    low = stack_low;
    bytes = stack_bytes;
  }
  void adopt_thread(const void* stack_low, std::size_t stack_bytes) noexcept { born(stack_low, stack_bytes); }
  // Just before the jump; `ends`: nobody comes back to this stack.
  void leave_for(const SanitizerFiber& next, bool ends) noexcept {
    __sanitizer_start_switch_fiber(ends ? nullptr : &fake_stack, next.low, next.bytes);
  }
  // Just after the jump, on the stack that was jumped to.
  void arrive() noexcept { __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr); }
};
}  // namespace vigil::detail

#elif defined(VIGIL_TSAN)
#include <sanitizer/tsan_interface.h>

namespace vigil::detail {
// A fiber of g++ 12's runtime costs 0.8 MiB and 2 ms, so one is kept with its stack and serves every task that runs
// there.
struct SanitizerFiber {
  void* fiber = nullptr;

  void born(const void* /*stack_low*/, std::size_t /*stack_bytes*/) noexcept {
    if (fiber == nullptr) fiber = __tsan_create_fiber(0);
  }
  void adopt_thread(const void* /*stack_low*/, std::size_t /*stack_bytes*/) noexcept {
    fiber = __tsan_get_current_fiber();
  }
  void leave_for(const SanitizerFiber& next, bool /*ends*/) noexcept { __tsan_switch_to_fiber(next.fiber, 0); }
  void arrive() noexcept {}
};
}  // namespace vigil::detail

#else

namespace vigil::detail {
struct SanitizerFiber {
  void born(const void* /*stack_low*/, std::size_t /*stack_bytes*/) noexcept {}
  void adopt_thread(const void* /*stack_low*/, std::size_t /*stack_bytes*/) noexcept {}
  void leave_for(const SanitizerFiber& /*next*/, bool /*ends*/) noexcept {}
  void arrive() noexcept {}
};
}  // namespace vigil::detail
#endif
