// A dispatcher selects over orders and cancellations. Both stay silent, and the select has no way out: the dispatcher
// waits for ever.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;

namespace {

void dispatch(Channel<int> orders, Channel<int> cancellations) {
  for (;;) {
    vigil::select(
        vigil::on_receive(orders, [](std::optional<int> id) { std::printf("order %d\n", id.value_or(0)); }),
        vigil::on_receive(cancellations, [](std::optional<int> id) { std::printf("cancel %d\n", id.value_or(0)); }));
  }
}

}  // namespace

int main() {
  Channel<int> orders(0);
  Channel<int> cancellations(0);
  vigil::go(dispatch, orders, cancellations);
  std::printf("closing time\n");
}
