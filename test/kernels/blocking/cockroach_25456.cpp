// cockroach#25456: a consistency check waits for a result that nobody sends, once the check has been skipped.
// Fix: look whether there is one.
//
// expect: deadlock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_25456 {
namespace {

void run(Form form) {
  const Channel<int> results(0);
  for (int check = 0; check < 2; ++check) {
    if (form == Form::Buggy)
      (void)results.receive();  // here
    else
      vigil::select(on_receive(results), otherwise());
  }
}

const Kernel kKernel("cockroach#25456", run);

}  // namespace
}  // namespace kernels::cockroach_25456
