// istio#16224: a configuration's handler sends under a lock that the test takes to read what was handled. In the other
// order of the two the loop waits for one more event when it is told to stop.
// Fix: send outside the lock; no further receive.
//
// expect: deadlock
// may: lock-held-while-blocked task-leak
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::istio_16224 {
namespace {

struct Controller {
  Mutex lock;
  Channel<int> done{0};
  Channel<int> events{0};
  Channel<Unit> stop{0};

  void handle(Form form) {
    std::unique_lock held(lock);
    if (form == Form::Fixed) held.unlock();
    done.send(1);  // here
  }
  void run(Form form) {
    for (bool on = true; on;) {
      vigil::select(on_receive(stop,
                               [&](std::optional<Unit>) {
                                 if (form == Form::Buggy) (void)events.receive();
                                 on = false;
                               }),
                    on_receive(events, [&](std::optional<int>) { handle(form); }));
    }
  }
};

void run(Form form) {
  const auto controller = std::make_shared<Controller>();
  vigil::go([=] { controller->run(form); });
  controller->events.send(1);
  {
    const std::scoped_lock held(controller->lock);  // here
  }
  (void)controller->done.receive();
  controller->stop.close();
}

const Kernel kKernel("istio#16224", run);

}  // namespace
}  // namespace kernels::istio_16224
