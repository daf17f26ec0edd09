// grpc#660: a benchmark's worker starts a request a round and hears its result; when it is told to stop, the result of
// the last request has no receiver.
// Fix: the request watches for the stop, too.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_660 {
namespace {

void run(Form form) {
  const Channel<int> stop(0);
  vigil::go([=] {
    for (bool on = true; on;) {
      const Channel<bool> result(0);
      vigil::go([=] {
        if (form == Form::Buggy)
          result.send(true);  // here
        else
          vigil::select(on_send(result, true), on_receive(stop));
      });
      vigil::select(on_receive(stop, [&](std::optional<int>) { on = false; }), on_receive(result));
    }
  });
  vigil::go([=] {
    if (form == Form::Buggy)
      stop.send(0);
    else
      stop.close();  // for both to hear
  });
}

const Kernel kKernel("grpc#660", run);

}  // namespace
}  // namespace kernels::grpc_660
