// grpc#795: stop() is called three times. The first call keeps the lock, for the line that should unlock it locks.
// Fix: unlock on both ways out.
//
// expect: deadlock double-lock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_795 {
namespace {

struct Server {
  Mutex lock;
  bool draining = false;

  void serve() {
    lock.lock();  // maybe here
    lock.unlock();
  }
  void stop(Form form) {
    lock.lock();  // here
    if (draining) {
      if (form == Form::Buggy) lock.lock();
      if (form == Form::Fixed) lock.unlock();
      return;
    }
    draining = true;
    if (form == Form::Fixed) lock.unlock();
  }
};

void run(Form form) {
  const auto server = std::make_shared<Server>();
  vigil::go([server] { server->serve(); });
  for (int i = 0; i < 3; ++i) server->stop(form);
}

const Kernel kKernel("grpc#795", run);

}  // namespace
}  // namespace kernels::grpc_795
