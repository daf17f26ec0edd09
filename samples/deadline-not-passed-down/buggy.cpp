// A lookup has ten milliseconds. It dials a server that does not answer, and the dial knows nothing of the deadline:
// the caller has long gone on when its task still waits for a connection.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

int dial(const Channel<int>& server) { return server.receive_or_zero(); }

void lookup(const Channel<int>& server) { std::printf("connection %d\n", dial(server)); }

}  // namespace

int main() {
  const auto [ctx, cancel] = vigil::with_timeout(vigil::background(), 10ms);
  Channel<int> server(0);
  vigil::go(ctx, lookup, server);
  (void)ctx.done().receive();
  std::printf("no answer in time\n");
}
