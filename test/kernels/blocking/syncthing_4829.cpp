// syncthing#4829: a service is told of its mappings' addresses: clear() keeps the mapping locked while it calls
// notify(), which reads it.
// Fix: notify after unlocking the mapping.
//
// expect: deadlock double-lock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::syncthing_4829 {
namespace {

struct Mapping {
  RwMutex lock;
  int addresses = 1;

  void notify() {
    const std::shared_lock held(lock);  // here
  }
  void clear(Form form) {
    std::unique_lock held(lock);
    const int had = std::exchange(addresses, 0);
    if (form == Form::Fixed) held.unlock();
    if (had > 0) notify();
  }
};

struct Service {
  RwMutex lock;
  Mapping mapping;

  void stop(Form form) {
    const std::scoped_lock held(lock);
    mapping.clear(form);
  }
};

void run(Form form) {
  Service service;
  service.stop(form);
}

const Kernel kKernel("syncthing#4829", run);

}  // namespace
}  // namespace kernels::syncthing_4829
