// The remedy: the channel is closed when the last sender has finished, and by nobody else.
#include <vigil/vigil.hpp>

#include <cstdio>

using vigil::Channel;
using vigil::Unit;

namespace {

void fast_sensor(Channel<int> readings) { readings.send(21); }

void slow_sensor(Channel<int> readings, Channel<Unit> warmed_up) {
  (void)warmed_up.receive();
  readings.send(22);
}

}  // namespace

int main() {
  Channel<int> readings(0);
  Channel<Unit> warmed_up(0);
  vigil::WaitGroup sensors;
  vigil::WaitGroup closer;
  sensors.go([=] { fast_sensor(readings); });
  sensors.go([=] { slow_sensor(readings, warmed_up); });
  closer.go([&] {
    sensors.wait();
    readings.close();
  });
  std::printf("first reading: %d\n", readings.receive_or_zero());
  warmed_up.close();
  while (readings.receive()) {
  }
  closer.wait();
}
