// kubernetes#89164: a dispatcher shortens its buffer under the lock and walks through it without.
// Fix: walk through it under the lock.
//
// expect: data-race
// schedule: every
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_89164 {
namespace {

struct Dispatcher {
  RwMutex lock;
  std::vector<int> buffer{1, 2, 3, 4};

  void dispatch(Form form) {
    std::unique_lock held(lock);
    buffer.pop_back();  // here
    if (form == Form::Buggy) held.unlock();
    int sum = 0;
    for (const int event : buffer) sum += event;  // here
    (void)sum;
  }
};

void run(Form form) {
  auto* const dispatcher = kept<Dispatcher>();
  vigil::go([=] { dispatcher->dispatch(form); });
  for (int i = 0; i < 3; ++i) {
    WaitGroup one;
    one.go([=] { dispatcher->dispatch(form); });
    one.wait();
  }
}

const Kernel kKernel("kubernetes#89164", run);

}  // namespace
}  // namespace kernels::kubernetes_89164
