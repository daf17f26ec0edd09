// kubernetes#25331: a watch that hears of an error cancels itself and then wants to hand the error on; the cancel has
// sent the receiver away.
// Fix: no cancel before the send, and the send watches the context.
//
// expect: cancelled-but-alive
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_25331 {
namespace {

void run(Form form) {
  const auto watch = vigil::with_cancel(vigil::background());
  const Channel<int> errors(0);
  const Channel<int> results(0);
  vigil::go([=] {
    vigil::select(on_receive(errors,
                             [&](std::optional<int> error) {
                               if (form == Form::Buggy) {
                                 watch.cancel();
                                 results.send(*error);  // here
                               } else {
                                 vigil::select(on_send(results, *error), on_receive(watch.ctx.done()));
                               }
                             }),
                  on_receive(watch.ctx.done()));
  });
  vigil::go([=] {
    errors.send(1);
    watch.cancel();
  });
}

const Kernel kKernel("kubernetes#25331", run);

}  // namespace
}  // namespace kernels::kubernetes_25331
