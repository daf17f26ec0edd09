// moby#30408: a plugin waits for its manifest; its activation fails, and nobody tells the one who waits.
// Fix: a failure is a state to wait for, and who fails tells all.
//
// expect: deadlock
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::moby_30408 {
namespace {

struct Plugin {
  Mutex lock;
  Cond activated;
  bool has_manifest = false;
  bool failed = false;

  void wait_active(Form form) {
    std::unique_lock held(lock);
    while (!has_manifest && (form == Form::Buggy || !failed)) activated.wait(held);  // here
  }
  void activate(Form form) {
    const std::scoped_lock held(lock);
    failed = true;
    if (form == Form::Fixed) activated.notify_all();
  }
};

void run(Form form) {
  const auto plugin = std::make_shared<Plugin>();
  const Channel<Unit> done(0);
  vigil::go([plugin, done, form] {
    plugin->wait_active(form);
    done.close();
  });
  plugin->activate(form);
  (void)done.receive();  // here
}

const Kernel kKernel("moby#30408", run);

}  // namespace
}  // namespace kernels::moby_30408
