// A watcher waits for price updates. The feed it should come from is switched off: nobody sends, nobody closes, and
// the watcher waits for ever.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

void watch_prices(Channel<double> updates) {
  while (const auto price = updates.receive()) std::printf("new price: %.2f\n", *price);
}

}  // namespace

int main() {
  const bool feed_enabled = false;
  Channel<double> updates(0);
  vigil::go(watch_prices, updates);
  if (feed_enabled) updates.send(9.99);
  std::printf("shop is open\n");
}
