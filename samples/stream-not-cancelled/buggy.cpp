// A stream runs an upload and an audit beside it. The client leaves, the stream's context is cancelled and the stream
// returns; the two tasks it started never hear of it.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

void stream(const vigil::Context& ctx, const Channel<int>& frames, const Channel<int>& events,
            const Channel<Unit>& ready) {
  vigil::go([=] {
    ready.send(Unit{});
    while (frames.receive()) {
    }
  });
  vigil::go([=] {
    ready.send(Unit{});
    while (events.receive()) {
    }
  });
  (void)ctx.done().receive();
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  Channel<int> frames(0);
  Channel<int> events(0);
  Channel<Unit> ready(0);
  vigil::go(ctx, [=, ctx = ctx] { stream(ctx, frames, events, ready); });
  (void)ready.receive();
  (void)ready.receive();
  cancel();
  std::printf("stream over\n");
}
