// The remedy: the query gets the context, too, and waits for its end as well.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;
using vigil::Unit;

namespace {

void load_profile(const vigil::Context& ctx, const Channel<int>& rows, const Channel<Unit>& started) {
  vigil::WaitGroup query;
  query.add(1);
  vigil::go(ctx, [=, &query] {
    started.send(Unit{});
    vigil::select(vigil::on_receive(rows, [](std::optional<int>) {}),
                  vigil::on_receive(ctx.done(), [](std::optional<Unit>) {}));
    query.done();
  });
  query.wait();
}

}  // namespace

int main() {
  const auto [ctx, hang_up] = vigil::with_cancel(vigil::background());
  Channel<int> rows(0);
  Channel<Unit> started(0);
  Channel<Unit> ended(0);
  vigil::go(ctx, [=, ctx = ctx] {
    load_profile(ctx, rows, started);
    ended.close();
  });
  (void)started.receive();
  hang_up();
  std::printf("client gone\n");
  (void)ended.receive();
}
