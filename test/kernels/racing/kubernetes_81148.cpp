// kubernetes#81148: a scheduling queue keeps its unschedulable pods in a map under a lock; a test writes the time of
// one after the unlock, for it is only a pointer's target. Fix: write it under the lock.
//
// expect: data-race
// schedule: some
#include <algorithm>
#include <map>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_81148 {
namespace {

struct Queue {
  RwMutex lock;
  std::map<int, int*> unschedulable;  // pod -> time
  Channel<Unit> stop{0};
  int newest = 0;  // guarded by lock

  void flush() {
    {
      const std::scoped_lock held(lock);
      for (const auto& [pod, time] : unschedulable) newest = std::max(newest, *time);  // here
    }
    (void)stop.receive();
  }
  void add(Form form) {
    std::unique_lock held(lock);
    const auto record = unschedulable[1] = kept<int>(0);
    if (form == Form::Buggy) held.unlock();
    *record = 17;  // here
  }
};

void run(Form form) {
  auto* const queue = kept<Queue>();
  WaitGroup tests;
  tests.go([=] {
    vigil::go([=] { queue->flush(); });
    queue->add(form);
  });
  tests.wait();
  queue->stop.close();
}

const Kernel kKernel("kubernetes#81148", run);

}  // namespace
}  // namespace kernels::kubernetes_81148
