// The remedy: close is the broadcast. It wakes everybody who waits, and everybody who comes later does not wait at all.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

void play(Channel<Unit> shot, Channel<Unit> finish) {
  (void)shot.receive();
  finish.send({});
}

}  // namespace

int main() {
  Channel<Unit> shot(0);
  Channel<Unit> finish(3);
  vigil::WaitGroup players;
  for (int player = 0; player < 3; ++player) players.go([=] { play(shot, finish); });
  shot.close();
  (void)finish.receive();
  std::printf("we have a winner\n");
  players.wait();
}
