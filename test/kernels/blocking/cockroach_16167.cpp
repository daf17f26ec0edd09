// cockroach#16167: a query reads the system configuration under a condition variable's lock, which is the read side of
// a reader-writer lock, and one call below it reads the same lock again. A writer that asks in between is waited for
// by the second read, and waits for the first.
// Fix: no second read lock in the nested call.
//
// Without its condition variable, for which nobody waits: of that only the lock is used.
//
// expect: deadlock
// may: lock-cycle
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_16167 {
namespace {

struct Executor {
  RwMutex config;

  void is_reserved(Form form) {
    if (form == Form::Fixed) return;
    const std::shared_lock nested(config);  // here
  }
  void run_query(Form form) {
    std::shared_lock waiting(config);  // what a Cond would let go of
    is_reserved(form);
  }
  void update() {
    const std::scoped_lock held(config);  // here
  }
};

void run(Form form) {
  const auto executor = std::make_shared<Executor>();
  vigil::go([executor] { executor->update(); });
  executor->run_query(form);
}

const Kernel kKernel("cockroach#16167", run);

}  // namespace
}  // namespace kernels::cockroach_16167
