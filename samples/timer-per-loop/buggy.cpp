// A reader takes messages and gives up when none has come for an hour. Each round makes its own timer with after(), and
// each of them lives on for its whole hour, long after its message has come.
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
  while (open) {
    vigil::select(vigil::on_receive(messages,
                                    [&](std::optional<int> message) {
                                      open = message.has_value();
                                      read += open ? 1 : 0;
                                    }),
                  vigil::on_receive(vigil::after(1h), [&](auto) { open = false; }));
  }
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
