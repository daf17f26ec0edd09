// cockroach#4407: a stopper waits for its tasks while others still start some: the wait can be over before they are
// counted.
// Fix: no new tasks once the stop has begun.
//
// expect: wait-group-race
// may: task-running-at-exit
// schedule: some
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_4407 {
namespace {

struct Stopper {
  Mutex starting;
  Mutex stopping;
  WaitGroup tasks;
  Channel<Unit> stopper{0};
  bool draining = false;

  static void run_task(Stopper* self, Form form) {
    const std::scoped_lock held(self->starting);
    if (form == Form::Fixed && self->draining) return;
    self->tasks.add(1);  // here
    vigil::go([self] {
      { const std::scoped_lock again(self->starting); }
      self->tasks.done();
    });
  }
  void stop(Form form) {
    stopper.close();
    if (form == Form::Fixed) {
      const std::scoped_lock held(starting);
      draining = true;
    }
    tasks.wait();  // here
    const std::scoped_lock held(stopping);
  }
};

void run(Form form) {
  auto* const stopper = kept<Stopper>();
  for (int i = 0; i < 2; ++i) vigil::go([=] { Stopper::run_task(stopper, form); });
  vigil::sleep_for(1ms);
  stopper->stop(form);
}

const Kernel kKernel("cockroach#4407", run);

}  // namespace
}  // namespace kernels::cockroach_4407
