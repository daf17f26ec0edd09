// The remedy: a click waits for room, but not for ever, and what is dropped is counted and said.
#include <vigil/vigil.hpp>

#include <chrono>
#include <cstdio>

using vigil::Channel;
using namespace std::chrono_literals;

namespace {

void record(Channel<int> clicks) {
  while (clicks.receive()) vigil::sleep_for(5ms);
}

}  // namespace

int main() {
  Channel<int> clicks(4);
  vigil::WaitGroup recorder;
  recorder.go([=] { record(clicks); });
  int dropped = 0;
  for (int click = 0; click < 20; ++click) {
    vigil::select(vigil::on_send(clicks, click, [] {}), vigil::on_timeout(10s, [&] { ++dropped; }));
  }
  clicks.close();
  recorder.wait();
  std::printf("recorded, %d dropped\n", dropped);
}
