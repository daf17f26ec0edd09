// Still threads: whether every other thread of the process sleeps where all that its registers hold is in memory, too.
//
// That is known of the shim's own threads, of the runtime's that run no task (whoever looks knows of tasks itself), and
// of threads blocked in a wrapped call or parked in a primitive: those save their caller's registers on their stack
// before they sleep.
#pragma once

#include "interpose/judge.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

class StillThreads {
 public:
  // Looks now.
  [[nodiscard]] bool all_are_still() noexcept;
  // Looks again: whether nobody moved meanwhile.
  [[nodiscard]] bool stayed_still() const noexcept;

 private:
  OwnVector<ThreadLook> blocked_;
};

}  // namespace vigil::shim::leaks
