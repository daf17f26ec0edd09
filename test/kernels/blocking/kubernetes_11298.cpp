// kubernetes#11298: a task waits for a condition with a lock that another has taken for it, and that other ends the
// wait by a signal. The signal can come before the wait.
// Fix: each locks for itself, and what is waited for is a state.
//
// expect: deadlock
// schedule: some
#include <functional>

#include "test/kernels/kernel.hpp"

namespace kernels::kubernetes_11298 {
namespace {

Channel<Unit> after(const std::function<void()>& function) {
  const Channel<Unit> ended(0);
  vigil::go([=] {
    function();
    ended.close();
  });
  return ended;
}

struct Notifier {
  Mutex lock;
  Cond changed;
  bool signalled = false;  // of the corrected form, guarded by lock
  Channel<Unit> done{0};

  [[nodiscard]] bool is_done() const { return vigil::select(on_receive(done), otherwise()) == 0; }
  void signal(Form form) {
    const std::unique_lock held(lock);
    if (form == Form::Fixed) signalled = true;
    changed.notify_one();
  }
  void wait(Form form) {
    for (int i = 0; i < 10; ++i) vigil::yield();  // a slow start makes the window wide
    if (form == Form::Buggy) {
      changed.wait(lock);  // here
      return;
    }
    std::unique_lock held(lock);
    changed.wait(held, [this] { return std::exchange(signalled, false); });
  }
  void serve(const Channel<Unit>& sources, Form form) {
    if (form == Form::Buggy) lock.lock();
    for (bool on = true; on;) {
      vigil::select(on_receive(sources, [&](std::optional<Unit>) { on = false; }), otherwise([&] {
                      const Channel<Unit> woken = after([this, form] { wait(form); });
                      vigil::select(on_receive(sources,
                                               [&](std::optional<Unit>) {
                                                 if (form == Form::Buggy) changed.notify_one();
                                                 if (form == Form::Fixed) signal(form);
                                                 (void)woken.receive();  // here
                                                 on = false;
                                               }),
                                    on_receive(woken));
                    }));
    }
    if (form == Form::Buggy) lock.unlock();
  }
  void run(Form form) {
    const Channel<Unit> sources = after([this, form] {
      while (!is_done()) signal(form);
    });
    while (!is_done()) serve(sources, form);
    (void)sources.receive();
  }
};

void run(Form form) {
  const auto notifier = std::make_shared<Notifier>();
  const Channel<Unit> ended = after([notifier, form] { notifier->run(form); });
  vigil::go([notifier] {
    vigil::sleep_for(300ns);
    notifier->done.close();
  });
  (void)ended.receive();  // here
}

const Kernel kKernel("kubernetes#11298", run);

}  // namespace
}  // namespace kernels::kubernetes_11298
