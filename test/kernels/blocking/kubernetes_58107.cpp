// kubernetes#58107: workers of a quota controller hold the read side of a lock while they wait for items; the one who
// resynchronises wants its write side, and a worker that comes later waits behind him. Or a worker comes after the
// last signal.
// Fix: wait for the queue without the lock, and for a state instead of a signal.
//
// Of its 100,000 rounds, twenty.
//
// expect: task-leak
// may: deadlock lock-held-while-blocked
// schedule: some
#include <array>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_58107 {
namespace {

struct Queue {
  Mutex lock;
  Cond filled;
  bool has_item = false;

  void get(Form form) {
    std::unique_lock held(lock);
    if (form == Form::Buggy) filled.wait(held);  // here
    if (form == Form::Fixed) filled.wait(held, [this] { return has_item; });
  }
  void add(Form form) {
    if (form == Form::Fixed) {
      const std::scoped_lock held(lock);
      has_item = true;
    }
    filled.notify_one();
  }
};

struct Controller {
  RwMutex workers;
  std::array<Queue, 2> queues;

  void work(Queue& queue, Form form) {
    std::shared_lock held(workers);  // maybe here
    if (form == Form::Fixed) held.unlock();
    queue.get(form);
  }
  void resynchronise() {
    for (int i = 0; i < 20; ++i) {
      const std::scoped_lock held(workers);  // here
      vigil::sleep_for(1ns);
    }
  }
};

void run(Form form) {
  const auto controller = std::make_shared<Controller>();
  vigil::go([controller, form] {
    for (Queue& queue : controller->queues) vigil::go([controller, &queue, form] { controller->work(queue, form); });
  });
  vigil::go([controller] { controller->resynchronise(); });
  for (int i = 0; i < 20; ++i) {
    for (Queue& queue : controller->queues) queue.add(form);
  }
}

const Kernel kKernel("kubernetes#58107", run);

}  // namespace
}  // namespace kernels::kubernetes_58107
