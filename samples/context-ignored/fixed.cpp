// The remedy: the download selects on the end of its context as well.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

void download(const vigil::Context& ctx, const Channel<int>& chunks, const Channel<Unit>& started) {
  started.send(Unit{});
  bool more = true;
  while (more) {
    vigil::select(vigil::on_receive(chunks, [&](std::optional<int> chunk) { more = chunk.has_value(); }),
                  vigil::on_receive(ctx.done(), [&](std::optional<Unit>) { more = false; }));
  }
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  Channel<int> chunks(0);
  Channel<Unit> started(0);
  Channel<Unit> ended(0);
  vigil::go(ctx, [=, ctx = ctx] {
    download(ctx, chunks, started);
    ended.close();
  });
  (void)started.receive();
  cancel();
  std::printf("request cancelled\n");
  (void)ended.receive();
}
