// service#shutdown: a server counts its requests in a wait group; a shutdown waits for those that have begun, while
// the listener still accepts.
// Fix: the listener ends first.
//
// expect: wait-group-reuse
// may: wait-group-race task-running-at-exit
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::service_shutdown {
namespace {

void run(Form form) {
  const auto requests = std::make_shared<WaitGroup>();
  const Channel<int> connections(0);
  const Channel<Unit> listening(0);
  vigil::go([=] {
    for ([[maybe_unused]] const int connection : connections) {
      requests->add(1);  // here
      vigil::go([=] { requests->done(); });
    }
    listening.close();
  });
  for (int connection = 0; connection < 3; ++connection) connections.send(connection);
  connections.close();
  if (form == Form::Fixed) (void)listening.receive();
  requests->wait();  // here
}

const Kernel kKernel("service#shutdown", run);

}  // namespace
}  // namespace kernels::service_shutdown
