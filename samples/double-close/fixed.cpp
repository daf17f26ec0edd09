// The remedy: one owner. The reader closes, since it is the one who sees the peer hang up; the writer only looks.
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
}

}  // namespace

int main() {
  Channel<Unit> down(0);
  vigil::WaitGroup loops;
  loops.go([=] { write_loop(down); });
  loops.go([=] { read_loop(down); });
  loops.wait();
}
