// grpc#3090: a resolver is built by a function that starts its watcher; the watcher uses the wrapper's pointer to it,
// which the builder's caller assigns when the function has returned, without the lock.
// Fix: assign it under the lock.
//
// expect: data-race
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::grpc_3090 {
namespace {

struct Wrapper {
  Mutex lock;
  int* resolver = nullptr;
  int built = 1;

  static int* build(Wrapper* self) {
    const std::scoped_lock held(self->lock);
    vigil::go([self] {
      const std::scoped_lock watching(self->lock);
      const int* const seen = self->resolver;  // here
      if (seen != nullptr) (void)*seen;
    });
    return &self->built;
  }
};

void run(Form form) {
  auto* const wrapper = kept<Wrapper>();
  WaitGroup builders;
  builders.go([=] {
    int* const built = Wrapper::build(wrapper);
    std::unique_lock held(wrapper->lock, std::defer_lock);
    if (form == Form::Fixed) held.lock();
    wrapper->resolver = built;  // here
    if (held) held.unlock();
    vigil::sleep_for(5ms);
  });
  builders.wait();
}

const Kernel kKernel("grpc#3090", run);

}  // namespace
}  // namespace kernels::grpc_3090
