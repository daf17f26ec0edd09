// cockroach#18101: a restore reads the first of its import spans and then only waits to be cancelled; the task that
// splits the spans fills the buffer and stays in its send.
// Fix: the send watches the context.
//
// expect: cancelled-but-alive
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_18101 {
namespace {

void split(const Context& context, const Channel<int>& ready, Form form) {
  for (int span = 0; span < 8; ++span) {
    if (form == Form::Buggy)
      ready.send(span);  // here
    else
      vigil::select(on_send(ready, span), on_receive(context.done()));
  }
  ready.close();
}

void run(Form form) {
  const auto job = vigil::with_cancel(vigil::background());
  vigil::go(job.ctx, [form](const Context& context) {
    const Channel<int> ready(6);
    vigil::go(split, context, ready, form);
    (void)ready.receive();
    (void)context.done().receive();
  });
  vigil::go([cancel = job.cancel] { cancel(); });
}

const Kernel kKernel("cockroach#18101", run);

}  // namespace
}  // namespace kernels::cockroach_18101
