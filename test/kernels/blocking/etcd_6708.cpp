// etcd#6708: a client synchronises its endpoints under a lock, and the choice of the leader sends a request that reads
// them.
// Fix: look for the leader before locking.
//
// expect: deadlock double-lock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::etcd_6708 {
namespace {

struct Client {
  RwMutex lock;

  void request() {
    lock.lock_shared();  // here
    lock.unlock_shared();
  }
  void synchronise(Form form) {
    if (form == Form::Fixed) request();
    const std::scoped_lock held(lock);
    if (form == Form::Buggy) request();
  }
};

void run(Form form) {
  Client client;
  client.synchronise(form);
}

const Kernel kKernel("etcd#6708", run);

}  // namespace
}  // namespace kernels::etcd_6708
