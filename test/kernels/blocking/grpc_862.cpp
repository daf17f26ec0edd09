// grpc#862: a dialer whose connection fails returns none, and its exit handler closes only what is returned: the task
// that dials again and again, under ever longer timers, lives on, and the only function that could end it is gone.
// Fix: the exit handler cancels the connection's context.
//
// expect: context-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_862 {
namespace {

void reset_transport(const Context& connection) {
  const auto own = vigil::with_cancel(connection);
  bool is_closed = false;
  for (int round = 1; !is_closed; ++round) {
    const auto attempt = vigil::with_timeout(own.ctx, 10ns);
    attempt.cancel();
    const vigil::Timer backoff(round * 2ms);
    vigil::select(on_receive(backoff.channel(), [](const auto&) {}),
                  on_receive(own.ctx.done(), [&](std::optional<Unit>) { is_closed = true; }));
  }
}

void dial(const Context& /*outer*/, Form form) {
  const auto connection = vigil::with_cancel(vigil::background());  // here
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
