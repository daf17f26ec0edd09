// The remedy: receive() says when there is nothing left to come, and the loop leaves.
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;

namespace {

int count_pulses(const Channel<int>& pulses, int enough) {
  int seen = 0;
  while (seen < enough) {
    const std::optional<int> pulse = pulses.receive();
    if (!pulse) break;
    if (*pulse != 0) ++seen;
  }
  return seen;
}

}  // namespace

int main() {
  Channel<int> pulses(0);
  vigil::WaitGroup sensor;
  sensor.go([=] {
    for (int i = 0; i < 3; ++i) pulses.send(1);
    pulses.close();
  });
  std::printf("%d pulses\n", count_pulses(pulses, 5));
  sensor.wait();
}
