// cockroach#35931: a mirror router sends each row to all its receivers, one after the other; the first has stalled,
// and the second gets nothing either.
// Fix: a stalled receiver does not stop the others.
//
// expect: deadlock
// may: lock-held-while-blocked
// schedule: every
#include <map>

#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_35931 {
namespace {

struct Router {
  Mutex lock;
  std::map<int, Channel<int>> receivers{{0, Channel<int>(1)}, {1, Channel<int>(1)}};

  void push(int row, Form form) {
    std::unique_lock held(lock);
    const auto all = receivers;
    held.unlock();
    for (const auto& [id, receiver] : all) {
      if (form == Form::Buggy)
        receiver.send(row);  // here
      else
        (void)receiver.try_send(row);
    }
  }
};

void run(Form form) {
  Router router;
  router.receivers[0].send(0);  // nobody takes it
  router.push(1, form);
}

const Kernel kKernel("cockroach#35931", run);

}  // namespace
}  // namespace kernels::cockroach_35931
