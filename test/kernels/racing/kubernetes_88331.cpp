// kubernetes#88331: a scheduling queue's task pops under the lock, and a test reads the queue's size without. Nobody
// stops that task.
// Fix: read under the lock, and stop the task.
//
// expect: data-race task-leak
// schedule: some
#include <vector>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_88331 {
namespace {

struct Queue {
  RwMutex lock;
  std::vector<int> pods{1, 2};
  Channel<Unit> stop{0};

  void flush() {
    {
      const std::scoped_lock held(lock);
      pods.pop_back();  // here
    }
    (void)stop.receive();  // here
  }
  std::size_t size(Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    return pods.size();  // here
  }
};

void run(Form form) {
  auto* const queue = kept<Queue>();
  const Channel<Unit> started(0);
  vigil::go([=] {
    started.close();
    vigil::go([=] { queue->flush(); });
    (void)queue->size(form);
    if (form == Form::Fixed) queue->stop.close();
  });
  (void)started.receive();
}

const Kernel kKernel("kubernetes#88331", run);

}  // namespace
}  // namespace kernels::kubernetes_88331
