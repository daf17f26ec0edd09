// A download belongs to its request's context and never looks at it: after the cancel it goes on waiting for the next
// chunk.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

void download(const Channel<int>& chunks, const Channel<Unit>& started) {
  started.send(Unit{});
  while (chunks.receive()) {
  }
}

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_cancel(vigil::background());
  Channel<int> chunks(0);
  Channel<Unit> started(0);
  vigil::go(ctx, download, chunks, started);
  (void)started.receive();
  cancel();
  std::printf("request cancelled\n");
}
