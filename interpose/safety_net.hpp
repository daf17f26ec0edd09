// A safety net for the end of the process: a step that crashes, aborts or hangs is left by a jump, and the next one
// runs.
//
// What such a step held (locks, half-built values) stays as it is: after a fall, only code that can live with that may
// run, and the process must end soon. One net at a time; other threads that crash meanwhile are put to sleep.
#pragma once

namespace vigil::shim {

// Runs body(context) for at most limit_ms. False: it fell; fall_stack.hpp says where.
bool run_in_net(int limit_ms, void (*body)(void*), void* context) noexcept;

template <class Body>
bool in_net(int limit_ms, Body body) noexcept {
  return run_in_net(
      limit_ms, [](void* context) { (*static_cast<Body*>(context))(); }, &body);
}

}  // namespace vigil::shim
