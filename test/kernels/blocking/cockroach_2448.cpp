// cockroach#2448: one task hands events to another, which answers with callbacks for the first: when each is about to
// send, nobody receives.
// Fix: keep events that cannot be handed over yet, and offer them where callbacks are received.
//
// expect: deadlock
// schedule: some
#include <deque>
#include <functional>

#include "test/kernels/kernel.hpp"

namespace kernels::cockroach_2448 {
namespace {

using Callback = std::function<void()>;

struct Node {
  Channel<int> events{0};
  Channel<Callback> callbacks{0};
  Channel<Unit> stop{0};

  void handle_events() const {
    for (bool on = true; on;) {
      vigil::select(on_receive(events,
                               [&](std::optional<int>) {
                                 const Callback callback = [] {};
                                 vigil::select(on_send(callbacks, callback), on_receive(stop));  // here
                               }),
                    on_receive(stop, [&](std::optional<Unit>) { on = false; }));
    }
  }
  void work() const {
    for (bool on = true; on;) {
      vigil::select(on_receive(stop, [&](std::optional<Unit>) { on = false; }),
                    on_receive(callbacks, [](std::optional<Callback> callback) { (*callback)(); }), otherwise([&] {
                      const auto leave = [&](std::optional<Unit>) { on = false; };
                      vigil::select(on_send(events, 1), on_receive(stop, leave));  // here
                    }));
    }
  }
  void work_with_queue() const {
    std::deque<int> pending(20, 1);
    for (bool on = true; on;) {
      const Channel<int> offered = pending.empty() ? Channel<int>() : events;
      vigil::select(on_receive(stop, [&](std::optional<Unit>) { on = false; }),
                    on_receive(callbacks, [](std::optional<Callback> callback) { (*callback)(); }),
                    on_send(offered, 1, [&] { pending.pop_front(); }));
    }
  }
};

void run(Form form) {
  const Node node;
  vigil::go([=] { node.handle_events(); });
  vigil::go([=] { form == Form::Buggy ? node.work() : node.work_with_queue(); });
  vigil::sleep_for(2ms);
  if (form == Form::Fixed) node.stop.close();
}

const Kernel kKernel("cockroach#2448", run);

}  // namespace
}  // namespace kernels::cockroach_2448
