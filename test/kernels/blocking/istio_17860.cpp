// istio#17860: an agent's loop ends when the last epoch it knows is over, or its context; an epoch that ends later has
// nobody to tell.
// Fix: an epoch watches the context, and the loop does not end with the last epoch.
//
// expect: cancelled-but-alive
// may: task-leak
// schedule: some
#include <set>

#include "test/kernels/kernel.hpp"

namespace kernels::istio_17860 {
namespace {

struct Agent {
  Channel<int> status{0};
  Mutex lock;
  std::set<int> active;
  int next = 0;

  void run(const Context& context, Form form) {
    for (bool on = true; on;) {
      vigil::select(on_receive(status,
                               [&](std::optional<int> epoch) {
                                 const std::scoped_lock held(lock);
                                 active.erase(epoch.value_or(-1));
                                 on = form == Form::Fixed || !active.empty();
                               }),
                    on_receive(context.done(), [&](std::optional<Unit>) { on = false; }));
    }
  }
  static bool is_live() { return false; }
  static void restart(const std::shared_ptr<Agent>& self, const Context& context, Form form) {
    const std::scoped_lock held(self->lock);
    if (!self->active.empty()) {
      for (int waited = 0; waited < 100 && !is_live(); waited += 30) vigil::sleep_for(30ns);
    }
    const int epoch = self->next++;
    self->active.insert(epoch);
    vigil::go([self, context, form, epoch] {
      if (form == Form::Buggy)
        self->status.send(epoch);  // here
      else
        vigil::select(on_send(self->status, epoch), on_receive(context.done()));
    });
  }
};

void run(Form form) {
  const auto agent = std::make_shared<Agent>();
  const auto [context, cancel] = vigil::with_cancel(vigil::background());
  vigil::go([agent, context = context, form] { agent->run(context, form); });
  Agent::restart(agent, context, form);
  vigil::go([agent, context = context, form] { Agent::restart(agent, context, form); });
  vigil::sleep_for(200ns);
  cancel();
}

const Kernel kKernel("istio#17860", run);

}  // namespace
}  // namespace kernels::istio_17860
