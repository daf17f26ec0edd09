// A writer selects between new entries and the end of its context. Once both are ready select takes either, and at the
// first sign of the end the writer leaves: the entries still in the channel are lost.
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
