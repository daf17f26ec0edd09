// The remedy: one Timer, reset in each round.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

int read_all(const Channel<int>& messages) {
  int read = 0;
  bool open = true;
  const vigil::Timer idle(1h);
  while (open) {
    vigil::select(vigil::on_receive(messages,
                                    [&](std::optional<int> message) {
                                      open = message.has_value();
                                      read += open ? 1 : 0;
                                    }),
                  vigil::on_receive(idle.channel(), [&](auto) { open = false; }));
    idle.reset(1h);
  }
  idle.stop();
  return read;
}

}  // namespace

int main() {
  Channel<int> messages(0);
  vigil::WaitGroup sender;
  sender.go([=] {
    for (int message = 0; message < 500; ++message) messages.send(message);
    messages.close();
  });
  std::printf("%d messages\n", read_all(messages));
  sender.wait();
}
