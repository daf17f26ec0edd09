// moby#28462: a health probe looks whether it shall stop and then takes the container's lock; who stops it sends under
// that lock.
// Fix: close the channel instead of sending.
//
// expect: task-leak
// may: lock-held-while-blocked
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::moby_28462 {
namespace {

struct Container {
  Mutex lock;
  Channel<Unit> stop{0};

  void monitor() {
    for (bool on = true; on;) {
      vigil::select(on_receive(stop, [&](std::optional<Unit>) { on = false; }), otherwise([&] {
                      const std::scoped_lock held(lock);  // here
                    }));
    }
  }
  void close_monitor(Form form) {
    const std::scoped_lock held(lock);
    if (form == Form::Buggy)
      stop.send({});  // here
    else
      stop.close();
  }
};

void run(Form form) {
  const auto container = std::make_shared<Container>();
  vigil::go([=] { container->monitor(); });
  vigil::go([=] { container->close_monitor(form); });
}

const Kernel kKernel("moby#28462", run);

}  // namespace
}  // namespace kernels::moby_28462
