// One task for each line of a big input. They all want the one output, and are started much faster than it takes them:
// by the end there are thousands, each with a stack of its own.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  constexpr int kLines = 4000;
  Channel<int> output(0);
  vigil::WaitGroup lines;
  for (int line = 0; line < kLines; ++line) {
    lines.go([=] { output.send(line % 100); });
  }
  long sum = 0;
  for (int line = 0; line < kLines; ++line) sum += output.receive_or_zero();
  lines.wait();
  std::printf("%ld\n", sum);
}
