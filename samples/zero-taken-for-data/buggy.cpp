// Forty temperatures are expected, but the station sends three and closes. The mean is taken over forty all the same:
// the zeros of the closed channel count as measurements.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;

namespace {

double mean(const Channel<int>& temperatures, int expected) {
  double sum = 0;
  for (int i = 0; i < expected; ++i) sum += temperatures.receive_or_zero();
  return sum / expected;
}

}  // namespace

int main() {
  Channel<int> temperatures(0);
  vigil::WaitGroup station;
  station.go([=] {
    for (const int degrees : {18, 20, 22}) temperatures.send(degrees);
    temperatures.close();
  });
  std::printf("%.1f degrees\n", mean(temperatures, 40));
  station.wait();
}
