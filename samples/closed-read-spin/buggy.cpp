// A meter reads until it has seen enough pulses. The sensor closes the channel when it is switched off; from then on
// each receive returns a zero at once, and the meter turns round and round.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

int count_pulses(const Channel<int>& pulses, int enough) {
  int seen = 0;
  for (int tries = 0; tries < 100'000 && seen < enough; ++tries) {  // "it cannot take longer than that"
    if (pulses.receive_or_zero() != 0) ++seen;
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
