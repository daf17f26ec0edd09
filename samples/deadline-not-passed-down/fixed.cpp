// The remedy: the dial gets the context and gives up when its time is over.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;
using namespace std::chrono_literals;

namespace {

std::optional<int> dial(const vigil::Context& ctx, const Channel<int>& server) {
  std::optional<int> connection;
  vigil::select(vigil::on_receive(server, [&](std::optional<int> made) { connection = made; }),
                vigil::on_receive(ctx.done(), [](std::optional<Unit>) {}));
  return connection;
}

void lookup(const vigil::Context& ctx, const Channel<int>& server) {
  if (const auto connection = dial(ctx, server)) std::printf("connection %d\n", *connection);
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_timeout(vigil::background(), 10ms);
  Channel<int> server(0);
  Channel<Unit> ended(0);
  vigil::go(ctx, [=, ctx = ctx] {
    lookup(ctx, server);
    ended.close();
  });
  (void)ctx.done().receive();
  std::printf("no answer in time\n");
  (void)ended.receive();
}
