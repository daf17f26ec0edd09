// cockroach#1462: a local sender of events looks for the stop, then sends; the receiver has heard of the stop in
// between and gone, and the stopper waits for both.
// Fix: the send watches for the stop.
//
// expect: deadlock
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_1462 {
namespace {

struct Stopper {
  WaitGroup workers;
  Channel<Unit> stopping{0};
  Channel<Unit> stopped{0};
  Mutex lock;
  bool draining = false;

  void stop() {
    {
      const std::scoped_lock held(lock);
      draining = true;
    }
    stopping.close();
    workers.wait();  // here
    stopped.close();
  }
};

void run(Form form) {
  const auto stopper = std::make_shared<Stopper>();
  const Channel<int> events(0);
  stopper->workers.go([=] {
    for (bool on = true; on;) {
      vigil::select(on_receive(stopper->stopping, [&](std::optional<Unit>) { on = false; }), otherwise([&] {
                      if (form == Form::Buggy)
                        events.send(1);  // here
                      else
                        vigil::select(on_send(events, 1), on_receive(stopper->stopping));
                    }));
    }
  });
  stopper->workers.go([=] {
    for (bool on = true; on;) {
      vigil::select(on_receive(events), on_receive(stopper->stopping, [&](std::optional<Unit>) { on = false; }));
    }
  });
  stopper->stop();
}

const Kernel kKernel("cockroach#1462", run);

}  // namespace
}  // namespace kernels::cockroach_1462
