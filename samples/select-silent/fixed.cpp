// The remedy: one more case, the context's done channel, which whoever started the dispatcher can end.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Context;
using vigil::Unit;

namespace {

void dispatch(const Context& context, Channel<int> orders, Channel<int> cancellations) {
  bool open = true;
  while (open) {
    vigil::select(
        vigil::on_receive(orders, [](std::optional<int> id) { std::printf("order %d\n", id.value_or(0)); }),
        vigil::on_receive(cancellations, [](std::optional<int> id) { std::printf("cancel %d\n", id.value_or(0)); }),
        vigil::on_receive(context.done(), [&](std::optional<Unit>) { open = false; }));
  }
}

}  // namespace

int main() {
  Channel<int> orders(0);
  Channel<int> cancellations(0);
  const auto day = vigil::with_cancel(vigil::background());
  vigil::WaitGroup dispatchers;
  dispatchers.go([&] { dispatch(day.ctx, orders, cancellations); });
  std::printf("closing time\n");
  day.cancel();
  dispatchers.wait();
}
