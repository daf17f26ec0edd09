// Three players wait for the starting shot. One send was meant to start them all, but a send has one receiver: one
// player runs, two stand at the line for ever.
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
  Channel<Unit> finish(0);
  for (int player = 0; player < 3; ++player) vigil::go(play, shot, finish);
  shot.send({});
  (void)finish.receive();
  std::printf("we have a winner\n");
}
