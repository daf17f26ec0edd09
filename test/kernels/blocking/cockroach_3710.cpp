// cockroach#3710: a store reads its replicas under the read lock and asks each of them; the question takes the read
// lock again. A writer comes in between.
// Fix: an inner form of the question, without the lock.
//
// expect: deadlock
// may: lock-cycle
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_3710 {
namespace {

struct Store {
  RwMutex lock;
  Mutex raft;
  int replicas = 2;

  void clear_log(Form form) {
    const std::scoped_lock held(raft);
    if (form == Form::Fixed) return;
    const std::shared_lock again(lock);  // here
  }
  void force(Form form) {
    const std::shared_lock held(lock);
    for (int i = 0; i < replicas; ++i) clear_log(form);
  }
  void process() {
    const std::scoped_lock held(lock);  // here
    ++replicas;
    --replicas;
  }
};

void run(Form form) {
  const auto store = std::make_shared<Store>();
  vigil::go([store, form] { store->force(form); });
  vigil::go([store] { vigil::go([store] { store->process(); }); });
}

const Kernel kKernel("cockroach#3710", run);

}  // namespace
}  // namespace kernels::cockroach_3710
