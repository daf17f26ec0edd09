// service#pipeline: three stages, each a task, with an error channel beside; the last stage leaves at the first error
// and nobody tells the stages before it.
// Fix: a context that the last stage cancels.
//
// expect: task-leak
// schedule: every
#include "test/kernels/kernel.hpp"

namespace kernels::service_pipeline {
namespace {

Channel<int> numbers(const Context& context, Form form) {
  const Channel<int> out(0);
  vigil::go([=] {
    bool on = true;
    for (int i = 1; i <= 50 && on; ++i) {
      if (form == Form::Buggy)
        out.send(i);  // maybe here
      else
        vigil::select(on_send(out, i), on_receive(context.done(), [&](std::optional<Unit>) { on = false; }));
    }
    out.close();
  });
  return out;
}

Channel<int> squares(const Context& context, const Channel<int>& in, Form form) {
  const Channel<int> out(0);
  vigil::go([=] {
    bool on = true;
    for (const int number : in) {
      if (form == Form::Buggy)
        out.send(number * number);  // here
      else
        vigil::select(on_send(out, number * number),
                      on_receive(context.done(), [&](std::optional<Unit>) { on = false; }));
      if (!on) break;
    }
    out.close();
  });
  return out;
}

void run(Form form) {
  const auto [context, cancel] = vigil::with_cancel(vigil::background());
  [[maybe_unused]] int sum = 0;
  for (const int square : squares(context, numbers(context, form), form)) {
    if (square == 100) break;  // an error
    sum += square;
  }
  if (form == Form::Fixed) cancel();
}

const Kernel kKernel("service#pipeline", run);

}  // namespace
}  // namespace kernels::service_pipeline
