// A handler gets the request's context, and so does the task it starts. That task starts another one for the query and
// forgets to hand the context on; when the client hangs up, the query waits for a database that has nothing to say.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

void load_profile(const vigil::Context& ctx, const Channel<int>& rows, const Channel<Unit>& started) {
  vigil::go([=] {
    started.send(Unit{});
    (void)rows.receive();
  });
  (void)ctx.done().receive();
}

}  // namespace

int main() {
  const auto [ctx, hang_up] = vigil::with_cancel(vigil::background());
  Channel<int> rows(0);
  Channel<Unit> started(0);
  vigil::go(ctx, [=, ctx = ctx] { load_profile(ctx, rows, started); });
  (void)started.receive();
  hang_up();
  std::printf("client gone\n");
}
