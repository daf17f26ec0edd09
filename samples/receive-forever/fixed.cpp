// The remedy: whoever owns the channel closes it when there is nothing to come, and the watcher's loop ends.
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
  vigil::WaitGroup watchers;
  watchers.go([&] { watch_prices(updates); });
  if (feed_enabled) updates.send(9.99);
  updates.close();
  std::printf("shop is open\n");
  watchers.wait();
}
