// service#queue: a bounded queue of its own with a lock and two conditions; put() wakes one taker before the item is
// there, and without the lock.
// Fix: wake under the lock, after the item.
//
// expect: task-leak
// may: deadlock
// schedule: some
#include <deque>

#include "test/kernels/kernel.hpp"

namespace kernels::service_queue {
namespace {

struct Queue {
  Mutex lock;
  Cond filled;
  Cond drained;
  std::deque<int> items;

  void put(int item, Form form) {
    if (form == Form::Buggy) filled.notify_one();
    std::unique_lock held(lock);
    drained.wait(held, [this] { return items.size() < 2; });
    items.push_back(item);
    if (form == Form::Fixed) filled.notify_one();
  }
  int take() {
    std::unique_lock held(lock);
    while (items.empty()) filled.wait(held);  // here
    const int item = items.front();
    items.pop_front();
    drained.notify_one();
    return item;
  }
};

void run(Form form) {
  const auto queue = std::make_shared<Queue>();
  for (int taker = 0; taker < 2; ++taker) {
    vigil::go([=] { (void)queue->take(); });
  }
  for (int item = 0; item < 2; ++item) queue->put(item, form);
}

const Kernel kKernel("service#queue", run);

}  // namespace
}  // namespace kernels::service_queue
