// The remedy: one of the three sends first.
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
  vigil::WaitGroup tasks;
  for (std::size_t i = 0; i + 1 < channels.size(); ++i) {
    tasks.go([=] { stage(channels[i], channels[i + 1]); });
  }
  tasks.go([=] {
    channels[0].send(1);
    (void)channels[2].receive();
  });
  tasks.go(write_log);
  tasks.wait();
}
