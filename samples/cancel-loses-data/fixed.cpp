// The remedy: after the end of the context the writer takes what is already in the channel before it leaves.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

void write(const Channel<int>& entries, const vigil::Context& ctx) {
  int written = 0;
  bool stopped = false;
  while (!stopped) {
    vigil::select(vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { stopped = true; }),
                  vigil::on_receive(entries, [&](std::optional<int>) { ++written; }));
  }
  while (entries.try_receive()) ++written;
  std::printf("stopped\n");
}

}  // namespace

int main() {
  Channel<int> entries(64);
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  for (int entry = 0; entry < 64; ++entry) entries.send(entry);
  cancel();
  vigil::WaitGroup writer;
  writer.go([&, ctx = ctx] { write(entries, ctx); });
  writer.wait();
}
