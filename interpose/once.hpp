// The initialisers of pthread_once() and std::call_once() that this thread runs. One that throws has not been: the next
// caller begins it again, after all that was done until it threw. Nothing of the shim is told when the exception leaves
// it, so that is taken from where it was thrown; what destructors do on the way out is not.
#pragma once

#include <cstdint>

#include "interpose/sync_events.hpp"

namespace vigil::shim::once {

struct Running {
  const void* control = nullptr;  // null: none
  const void* frame = nullptr;    // below which the initialiser runs
};
inline thread_local constinit Running innermost __attribute__((tls_model("initial-exec")));

// Returns what ran until now, for ends().
inline Running begins(const void* control, const void* frame) noexcept {
  const Running outer = innermost;
  innermost = {control, frame};
  return outer;
}
inline void ends(const Running& outer) noexcept { innermost = outer; }

// This thread throws. One that an exception has left before is none any more.
inline void throws() noexcept {
  if (innermost.control == nullptr || inside_shim) return;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (here < reinterpret_cast<std::uintptr_t>(innermost.frame)) {
    if (sync_events::watching()) sync_events::released(innermost.control);
  } else {
    innermost = {};
  }
}

}  // namespace vigil::shim::once
