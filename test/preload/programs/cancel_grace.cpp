// A task looks at its context late: it ends well before the program does, but long after its cancel.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>

using vigil::Channel;
using vigil::Unit;
using namespace std::chrono_literals;

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());  // frame: made
  const Channel<Unit> late(0);
  const Channel<Unit> ready(0);
  const Channel<Unit> ended(0);
  vigil::go(ctx, [=] {
    ready.send(Unit{});
    (void)late.receive();  // frame: waits
    ended.close();
  });
  (void)ready.receive();
  cancel();  // frame: cancel
  vigil::sleep_for(250ms);
  late.close();
  (void)ended.receive();
  std::printf("ended\n");
}
