// kubernetes#38669: a watcher's first events go out before anything else; whoever stops it before he has taken them
// leaves its task in the send.
// Fix: the send watches a channel that stop() closes.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_38669 {
namespace {

struct Watcher {
  Mutex lock;
  Channel<int> input{0};
  Channel<int> result{0};
  Channel<Unit> done{0};
  bool stopped = false;

  void send(int event, Form form) const {
    if (form == Form::Buggy)
      result.send(event);  // here
    else
      vigil::select(on_send(result, event), on_receive(done));
  }
  void process(Form form) const {
    for (int event = 0; event < 2; ++event) send(event, form);
    for (const int event : input) send(event, form);
  }
  void stop() {
    const std::scoped_lock held(lock);
    if (std::exchange(stopped, true)) return;
    done.close();
    input.close();
  }
};

void run(Form form) {
  const auto watcher = std::make_shared<Watcher>();
  vigil::go([watcher, form] { watcher->process(form); });
  watcher->stop();
}

const Kernel kKernel("kubernetes#38669", run);

}  // namespace
}  // namespace kernels::kubernetes_38669
