// moby#17176: a clean-up of deleted devices returns early and keeps the lock; the next user of the devices waits for
// ever.
// Fix: unlock on the early return, too.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::moby_17176 {
namespace {

struct Devices {
  Mutex lock;
  int deleted = 0;

  void clean_up(Form form) {
    lock.lock();
    if (deleted == 0) {
      if (form == Form::Fixed) lock.unlock();
      return;
    }
    lock.unlock();
  }
};

void run(Form form) {
  const auto devices = std::make_shared<Devices>();
  const Channel<Unit> done(0);
  devices->clean_up(form);
  vigil::go([devices, done] {
    {
      const std::scoped_lock held(devices->lock);  // here
    }
    done.send({});
  });
  vigil::select(on_timeout(1ms), on_receive(done));
}

const Kernel kKernel("moby#17176", run);

}  // namespace
}  // namespace kernels::moby_17176
