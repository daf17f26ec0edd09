// kubernetes#81148: a node's health is kept in a map under a lock; a record's time is written after the unlock, for it
// is only a pointer's target.
// Fix: write it under the lock.
//
// expect: data-race
// schedule: some
#include <algorithm>
#include <map>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_81148 {
namespace {

struct Health {
  RwMutex lock;
  std::map<int, int*> probed;  // node -> time
  Channel<Unit> stop{0};
  int newest = 0;  // guarded by lock

  void monitor() {
    {
      const std::scoped_lock held(lock);
      for (const auto& [node, time] : probed) newest = std::max(newest, *time);  // here
    }
    (void)stop.receive();
  }
  void update(Form form) {
    std::unique_lock held(lock);
    const auto record = probed[1] = kept<int>(0);
    if (form == Form::Buggy) held.unlock();
    *record = 17;  // here
  }
};

void run(Form form) {
  auto* const health = kept<Health>();
  WaitGroup tests;
  tests.go([=] {
    vigil::go([=] { health->monitor(); });
    health->update(form);
  });
  tests.wait();
  health->stop.close();
}

const Kernel kKernel("kubernetes#81148", run);

}  // namespace
}  // namespace kernels::kubernetes_81148
