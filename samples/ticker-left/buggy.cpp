// A monitor beats with a ticker in a task of its own. Nobody tells it to stop, and nobody stops the ticker: the task
// waits for the next tick for ever.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

namespace {

void monitor() {
  const vigil::Ticker beat(1h);
  for (const auto& tick : beat.channel()) {
    (void)tick;
    std::printf("alive\n");
  }
}

}  // namespace

int main() {
  vigil::go(monitor);
  std::printf("served\n");
}
