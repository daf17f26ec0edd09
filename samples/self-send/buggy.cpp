// main sends on an unbuffered channel before anybody receives. Nobody else exists who ever could: main waits for
// itself.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  Channel<int> numbers(0);
  numbers.send(1);
  std::printf("got %d\n", numbers.receive_or_zero());
}
