// moby#25384: plugins are loaded by a task each; the wait for all of them stands inside the loop that starts them.
// Fix: wait after the loop.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::moby_25384 {
namespace {

void load(int plugins, Form form) {
  WaitGroup loaded;
  loaded.add(plugins);
  for (int i = 0; i < plugins; ++i) {
    vigil::go([&loaded] { loaded.done(); });
    if (form == Form::Buggy) loaded.wait();  // here
  }
  loaded.wait();
}

void run(Form form) {
  vigil::go([form] { load(2, form); });
}

const Kernel kKernel("moby#25384", run);

}  // namespace
}  // namespace kernels::moby_25384
