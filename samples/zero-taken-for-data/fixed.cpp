// The remedy: the optional tells a measurement of zero from "nothing more".
#include <vigil/vigil.hpp>

#include <cstdio>
#include <optional>

using vigil::Channel;

namespace {

double mean(const Channel<int>& temperatures, int expected) {
  double sum = 0;
  int measured = 0;
  for (; measured < expected; ++measured) {
    const std::optional<int> degrees = temperatures.receive();
    if (!degrees) break;
    sum += *degrees;
  }
  return measured == 0 ? 0 : sum / measured;
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
