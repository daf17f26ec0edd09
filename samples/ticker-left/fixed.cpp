// The remedy: the monitor also listens to its context, and stops the ticker on its way out.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using vigil::Unit;
using namespace std::chrono_literals;

namespace {

void monitor(const vigil::Context& ctx) {
  const vigil::Ticker beat(1h);
  bool stopped = false;
  while (!stopped) {
    vigil::select(vigil::on_receive(beat.channel(), [](auto) { std::printf("alive\n"); }),
                  vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { stopped = true; }));
  }
  beat.stop();
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  vigil::WaitGroup monitors;
  monitors.go([ctx = ctx] { monitor(ctx); });
  std::printf("served\n");
  cancel();
  monitors.wait();
}
