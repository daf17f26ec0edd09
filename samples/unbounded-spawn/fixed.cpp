// The remedy: a pool of a few workers takes the lines; whoever submits faster than they work waits.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

int main() {
  constexpr int kLines = 4000;
  Channel<int> output(0);
  vigil::WaitGroup reader;
  long sum = 0;
  reader.go([=, &sum] {
    for (const int value : output) sum += value;
  });
  {
    vigil::WorkerPool pool({.workers = 4, .queue = 16});
    for (int line = 0; line < kLines; ++line) {
      pool.submit([=] { output.send(line % 100); });
    }
    pool.wait();
  }
  output.close();
  reader.wait();
  std::printf("%ld\n", sum);
}
