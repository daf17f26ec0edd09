// A connection's reader and writer share a channel that tells others it is down. Each closes it when it ends, since
// each believes to be its owner. The second close panics.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

void read_loop(Channel<Unit> down) {
  std::printf("peer hung up\n");
  down.close();
}

void write_loop(Channel<Unit> down) {
  (void)down.receive();  // nothing to write any more
  down.close();
}

}  // namespace

int main() {
  Channel<Unit> down(0);
  vigil::WaitGroup loops;
  loops.go([=] { write_loop(down); });
  loops.go([=] { read_loop(down); });
  loops.wait();
}
