// grpc#862: a dialer whose connection fails returns none, and its exit handler closes only what is returned: the task
// that dials again and again lives on.
// Reduced to its wait, as others do: the original dials there again and again, and who waits with a time limit is no
// leak to vigil.
// Fix: the exit handler cancels the connection's context.
//
// expect: task-leak
// may: context-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_862 {
namespace {

void reset_transport(const Context& connection) {
  const auto own = vigil::with_cancel(connection);
  (void)own.ctx.done().receive();  // here
  own.cancel();
}

void dial(const Context& /*outer*/, Form form) {
  const auto connection = vigil::with_cancel(vigil::background());
  vigil::go(connection.ctx, reset_transport);
  if (form == Form::Fixed) connection.cancel();  // in both forms: when a connection is returned
}

void run(Form form) {
  const auto outer = vigil::with_cancel(vigil::background());
  vigil::go([context = outer.ctx, form] { dial(context, form); });
  vigil::go([cancel = outer.cancel] { cancel(); });
}

const Kernel kKernel("grpc#862", run);

}  // namespace
}  // namespace kernels::grpc_862
