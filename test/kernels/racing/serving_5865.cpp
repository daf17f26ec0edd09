// serving#5865: a revision's watcher closes the channel of updates when it ends; who sends updates holds no lock any
// more by then.
// Fix: the sender watches a channel that is closed instead.
//
// expect: send-on-closed close-send-race task-exception
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::serving_5865 {
namespace {

struct Watcher {
  RwMutex lock;
  Channel<int> updates{0};
  Channel<Unit> done{0};

  void run(Form form) const {
    if (form == Form::Buggy)
      updates.close();  // here
    else
      done.close();
  }
};

void test(Form form) {
  auto* const watcher = kept<Watcher>();
  {
    const std::scoped_lock held(watcher->lock);
    vigil::go([=] { watcher->run(form); });
  }
  if (form == Form::Buggy)
    watcher->updates.send(1);  // here
  else
    vigil::select(on_send(watcher->updates, 1), on_receive(watcher->done));
}

void run(Form form) {
  WaitGroup tests;  // Go's tests are tasks, too
  tests.go([=] { test(form); });
  tests.wait();
}

const Kernel kKernel("serving#5865", run);

}  // namespace
}  // namespace kernels::serving_5865
