// moby#33293: a container's wait reports an error on a channel that it has not handed to anybody yet.
// Fix: capacity 1.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::moby_33293 {
namespace {

Channel<int> wait_for_container(Form form) {
  const Channel<int> errors(form == Form::Buggy ? 0 : 1);
  const bool no_such_container = true;
  if (no_such_container) {
    errors.send(404);  // here
    return errors;
  }
  return errors;
}

void run(Form form) {
  vigil::go([form] { (void)wait_for_container(form).receive(); });
}

const Kernel kKernel("moby#33293", run);

}  // namespace
}  // namespace kernels::moby_33293
