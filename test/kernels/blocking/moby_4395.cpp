// moby#4395: a helper runs a function in a task and gives back the channel of its result, which the caller drops.
// Fix: capacity 1.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::moby_4395 {
namespace {

Channel<int> start(Form form) {
  const Channel<int> result(form == Form::Buggy ? 0 : 1);
  vigil::go([result] {
    result.send(0);  // here
  });
  return result;
}

void run(Form form) { (void)start(form); }

const Kernel kKernel("moby#4395", run);

}  // namespace
}  // namespace kernels::moby_4395
