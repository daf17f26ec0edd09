// kubernetes#80284: two tasks of a client set the same hook for dialing.
// Fix: set it under a lock.
//
// expect: data-race
// operations: write-write
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_80284 {
namespace {

using Dial = int (*)();

struct Config {
  Mutex lock;
  Dial dial = nullptr;

  void update(Form form) {
    std::unique_lock held(lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    dial = [] { return 1; };  // here
  }
};

void run(Form form) {
  auto* const config = kept<Config>();
  WaitGroup both;
  for (int i = 0; i < 2; ++i) both.go([=] { config->update(form); });
  both.wait();
}

const Kernel kKernel("kubernetes#80284", run);

}  // namespace
}  // namespace kernels::kubernetes_80284
