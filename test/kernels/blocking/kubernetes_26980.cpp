// kubernetes#26980: a shared listener hands a notification to nobody while it holds the lock that everybody else
// needs.
// Fix: let go of the lock while waiting.
//
// expect: deadlock
// may: lock-held-while-blocked
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_26980 {
namespace {

struct Listener {
  RwMutex lock;  // used as a mutex
  Cond added;
  Channel<Unit> stop{0};
  int pending = 0;

  void add() {
    const std::scoped_lock held(lock);
    ++pending;
    added.notify_all();
  }
  void pop(Form form) {
    std::unique_lock held(lock);
    while (pending == 0) added.wait(held);
    if (form == Form::Fixed) held.unlock();
    (void)stop.receive();  // here
  }
};

void run(Form form) {
  const auto listener = std::make_shared<Listener>();
  const Channel<Unit> result(0);
  listener->add();
  vigil::go([=] { listener->pop(form); });
  vigil::go([=] {
    listener->lock.lock();  // here
    result.close();
  });
  (void)result.receive();   // here
  listener->lock.unlock();  // as its taker wants it
  listener->stop.close();
}

const Kernel kKernel("kubernetes#26980", run);

}  // namespace
}  // namespace kernels::kubernetes_26980
