// The remedy: an ErrorGroup with the stream's context runs both, they listen to that context, and the stream waits for
// them.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

void take_all(const vigil::Context& ctx, const Channel<int>& items, const Channel<Unit>& ready) {
  ready.send(Unit{});
  bool more = true;
  while (more) {
    vigil::select(vigil::on_receive(items, [&](std::optional<int> item) { more = item.has_value(); }),
                  vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { more = false; }));
  }
}

void stream(const vigil::Context& parent, const Channel<int>& frames, const Channel<int>& events,
            const Channel<Unit>& ready) {
  auto [group, ctx] = vigil::ErrorGroup::with_context(parent);
  group.go([=, ctx = ctx] { take_all(ctx, frames, ready); });
  group.go([=, ctx = ctx] { take_all(ctx, events, ready); });
  group.wait();
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  Channel<int> frames(0);
  Channel<int> events(0);
  Channel<Unit> ready(0);
  Channel<Unit> ended(0);
  vigil::go(ctx, [=, ctx = ctx] {
    stream(ctx, frames, events, ready);
    ended.close();
  });
  (void)ready.receive();
  (void)ready.receive();
  cancel();
  (void)ended.receive();
  std::printf("stream over\n");
}
