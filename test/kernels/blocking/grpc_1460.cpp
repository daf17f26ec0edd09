// grpc#1460: a keep-alive task with no stream to care for waits, with the transport's lock held, to be woken by the
// first stream; to become a stream takes that lock.
// Fix: unlock before waiting, and wake so that it cannot be missed.
//
// expect: task-leak
// may: lock-held-while-blocked
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_1460 {
namespace {

struct Transport {
  explicit Transport(Form form) : awake(form == Form::Buggy ? 0 : 1) {}

  Mutex lock;
  Channel<Unit> awake;
  int streams = 0;

  void keep_alive(Form form) {
    std::unique_lock held(lock);
    if (streams >= 1) return;
    if (form == Form::Fixed) held.unlock();
    (void)awake.receive();  // here
  }
  void new_stream() {
    const std::scoped_lock held(lock);  // here
    if (++streams == 1) (void)awake.try_send(Unit{});
  }
};

void run(Form form) {
  const auto transport = std::make_shared<Transport>(form);
  vigil::go([=] { transport->keep_alive(form); });
  vigil::go([=] { transport->new_stream(); });
}

const Kernel kKernel("grpc#1460", run);

}  // namespace
}  // namespace kernels::grpc_1460
