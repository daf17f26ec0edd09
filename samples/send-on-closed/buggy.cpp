// Two sensors report to one log. The collector has what it wanted from the fast one and closes the channel; the slow
// one still has a value to send, and sending on a closed channel panics.
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
  vigil::WaitGroup slow;
  vigil::go(fast_sensor, readings);
  slow.go([=] { slow_sensor(readings, warmed_up); });
  std::printf("first reading: %d\n", readings.receive_or_zero());
  readings.close();
  warmed_up.close();
  slow.wait();
}
