// cockroach#9935: a log writer that cannot make its file calls the exit handler, which locks what the writer has
// locked.
// Fix: unlock before the handler.
//
// expect: deadlock double-lock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_9935 {
namespace {

struct Logging {
  Mutex lock;

  void exit_handler() {
    const std::scoped_lock held(lock);  // here
  }
  void write(Form form) {
    std::unique_lock held(lock);
    if (form == Form::Fixed) held.unlock();
    exit_handler();  // the file could not be made
  }
};

void run(Form form) {
  const auto logging = std::make_shared<Logging>();
  vigil::go([logging, form] { logging->write(form); });
}

const Kernel kKernel("cockroach#9935", run);

}  // namespace
}  // namespace kernels::cockroach_9935
