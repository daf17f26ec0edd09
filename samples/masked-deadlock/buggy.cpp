// Three stages wait for each other in a ring and will never move again, while a task that has nothing to do with them
// goes on writing its log. The program looks alive.
#include <vigil/vigil.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

void stage(const Channel<int>& from, const Channel<int>& to) { to.send(from.receive_or_zero() + 1); }

void write_log() {
  for (int line = 0; line < 60; ++line) vigil::sleep_for(25ms);
  std::printf("log closed\n");
}

}  // namespace

int main() {
  const std::array<Channel<int>, 3> channels{Channel<int>(0), Channel<int>(0), Channel<int>(0)};
  for (std::size_t i = 0; i < channels.size(); ++i) {
    vigil::go(stage, channels[i], channels[(i + 1) % channels.size()]);
  }
  vigil::WaitGroup log;
  log.go(write_log);
  log.wait();
}
