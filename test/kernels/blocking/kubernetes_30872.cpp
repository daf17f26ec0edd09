// kubernetes#30872: an informer's queue calls back under its lock, and the callback locks the informer; another task
// asks the queue while it holds the informer's lock.
// Fix: do not ask the queue under the informer's lock.
//
// expect: deadlock
// may: lock-cycle task-leak
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_30872 {
namespace {

struct Federation {
  Mutex informer;
  RwMutex queue;  // used as a mutex
  Channel<Unit> stop{0};
  Channel<Unit> inner_stop;

  void consume() {
    for (bool open = true; open;) {
      vigil::select(on_receive(inner_stop, [&](std::optional<Unit>) { open = false; }), otherwise([&] {
                      const std::scoped_lock held(queue);
                      const std::scoped_lock called_back(informer);  // here
                    }));
    }
  }
  void synced(Form form) {
    std::unique_lock held(informer);
    if (form == Form::Fixed) held.unlock();
    const std::scoped_lock asked(queue);  // here
  }
  void wait_for_stop() {
    (void)stop.receive();
    const std::scoped_lock held(informer);  // maybe here
    inner_stop.close();
  }
};

void run(Form form) {
  const auto federation = std::make_shared<Federation>();
  {
    const std::scoped_lock held(federation->informer);
    federation->inner_stop = Channel<Unit>(0);
    vigil::go([federation] { federation->consume(); });
  }
  vigil::go([federation] { federation->wait_for_stop(); });
  vigil::go([federation, form] { federation->synced(form); });
  federation->stop.close();
}

const Kernel kKernel("kubernetes#30872", run);

}  // namespace
}  // namespace kernels::kubernetes_30872
