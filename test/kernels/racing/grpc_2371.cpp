// grpc#2371: a connection's balancer may be gone when a state of the connection arrives: the update goes to what is
// null by then.
// Fix: look under the lock whether it is there.
//
// expect: task-leak
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_2371 {
namespace {

struct Connection {
  RwMutex lock;
  Channel<int> updates{1};  // nil once the balancer is gone

  void update(Form form) {
    const std::scoped_lock held(lock);
    if (form == Form::Fixed && updates.is_nil()) return;
    (void)updates.try_receive();
    updates.send(1);  // here
  }
  void close() {
    const std::scoped_lock held(lock);
    updates = {};
  }
};

void run(Form form) {
  for (int i = 0; i < 10; ++i) {
    auto* const connection = kept<Connection>();
    vigil::go([=] { connection->update(form); });
    vigil::go([=] { connection->close(); });
  }
}

const Kernel kKernel("grpc#2371", run);

}  // namespace
}  // namespace kernels::grpc_2371
