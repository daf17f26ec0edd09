// kubernetes#6632: a connection that is idle for too long is reset under the lock that the one who closes it needs;
// nobody receives the reset.
// Fix: a task that receives resets.
//
// expect: task-leak
// may: lock-held-while-blocked
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_6632 {
namespace {

struct Connection {
  Mutex lock;
  Channel<int> reset{0};
  Channel<Unit> closing{0};

  void watch_close() {
    (void)closing.receive();
    const std::scoped_lock held(lock);  // here
    reset.close();
    reset = {};
  }
  void write_frame() {
    const std::scoped_lock held(lock);
    if (reset.is_nil()) return;
    reset.send(0);  // here
  }
};

void run(Form form) {
  const auto connection = std::make_shared<Connection>();
  if (form == Form::Fixed) {
    vigil::go([resets = connection->reset] {
      for (const int reset : resets) (void)reset;
    });
  }
  vigil::go([=] { connection->closing.send({}); });
  vigil::go([=] { connection->watch_close(); });
  vigil::go([=] { connection->write_frame(); });
}

const Kernel kKernel("kubernetes#6632", run);

}  // namespace
}  // namespace kernels::kubernetes_6632
